"""Training recipes as people change them and files keep them; what is typed is held against the fields' types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from types import NoneType
from typing import Literal, Self, get_args, get_origin, get_type_hints

WORDS = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}


class TrainingRecipe:
    """What the recipes of both models share: dataclasses with a name, a network and settings of their own."""

    __slots__ = ()

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        values = json.loads(text)
        return cls(**{**values, "network": get_type_hints(cls)["network"](**values["network"])})

    def changed(self, changes: Mapping[str, object]) -> Self:
        """With single settings changed, those of the network too (`px`, ...). Raises ValueError."""
        own = {f.name for f in fields(self)} - {"name", "network"}
        inner = {f.name for f in fields(self.network)}
        if unknown := set(changes) - own - inner:
            raise ValueError(
                f"A training has no setting {', '.join(sorted(unknown))}; there are {', '.join(sorted(own | inner))}."
            )
        network = checked(type(self.network), {k: v for k, v in changes.items() if k in inner})
        mine = checked(type(self), {k: v for k, v in changes.items() if k in own})
        return replace(self, network=replace(self.network, **network), **mine)


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
