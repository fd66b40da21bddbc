"""Settings that people type, held against the types that a dataclass names."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Literal, get_args, get_origin, get_type_hints

WORDS = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}


def checked(kind: type, changes: Mapping[str, object]) -> dict[str, object]:
    """The changes with whole numbers made floats where those are wanted. Raises ValueError for another type.

    kind: a dataclass whose fields are int, float, str or bool, or a Literal of words; each perhaps with None
    """
    hints = get_type_hints(kind)
    made = {}
    for name, value in changes.items():
        kinds = get_args(hints[name]) if get_origin(hints[name]) not in (None, Literal) else (hints[name],)
        plain = [str if get_origin(k) is Literal else k for k in kinds]
        if float in plain and type(value) is int:
            value = float(value)
        if type(value) not in plain:
            wanted = " or ".join("none" if k is NoneType else WORDS[k] for k in plain)
            raise ValueError(f"{name} is {wanted}, not {value!r}")
        made[name] = value
    return made
