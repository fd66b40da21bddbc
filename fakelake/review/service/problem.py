"""What a person can mend, in words for them."""

from __future__ import annotations


class Problem(Exception):
    """Pages, scripts and the API all tell it in the same words. status: of HTTP; todo: what to do."""

    def __init__(self, title: str, said: str = "", todo: str = "", status: int = 400) -> None:
        super().__init__(f"{title}. {said}" if said else title)
        self.title, self.said, self.todo, self.status = title, said, todo, status

    def told(self) -> dict[str, str]:
        """As JSON."""
        return {"error": self.title, "detail": self.said or self.title, "todo": self.todo}


class NoVideo(Problem):
    """The lake knows no such video, or has forgotten it."""

    def __init__(self, video_id: str) -> None:
        said = f"The lake has no video {video_id[:12]}. It may have been forgotten at a person's request."
        super().__init__("There is nothing here", said, "Check the address, or search for the video by name.", 404)


class Busy(Problem):
    """What takes more of the desk than it has to give just now; the same question may be answered later."""

    def __init__(self, title: str, said: str, todo: str = "Try again in a moment.") -> None:
        super().__init__(title, said, todo, 503)
