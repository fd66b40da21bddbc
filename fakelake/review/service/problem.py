"""What a person can mend, in words for them."""

from __future__ import annotations


class Problem(Exception):
    """Something that a person can mend. status: of HTTP; todo: what to do."""

    def __init__(self, title: str, said: str = "", todo: str = "", status: int = 400) -> None:
        super().__init__(title)
        self.title, self.said, self.todo, self.status = title, said, todo, status
