"""Names for the parts that a generator found: which region of a face each one lies on.

The indices of learnt parts mean nothing, and another training finds them in another order. Five landmarks say where a
face's regions are; over many pictures each part shows which of them it covers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fakelake.models.generator.blocks import grid

REGIONS = ("eyes", "nose", "mouth", "jaw", "cheeks", "forehead", "hair", "body")
UNUSED, ELSEWHERE = "unused", "elsewhere"
LEAST_AREA = 0.002  # share of all pictures: what is smaller is no part
COVERED = 0.5  # share of a region from which a part covers it
TURNED = 0.5  # eyes that are nearer to one another than this share of their distance to the mouth: a profile
LEAST_OVERLAP = 0.02  # IoU with its best region, below which a part lies elsewhere


class PartUnknown(LookupError):
    """The generator has no part of that name; the text lists those that it has."""


@dataclass(frozen=True, slots=True)
class PartName:
    """index: channel of the masks, 1 to K; name: the region that it fits best, unused, or elsewhere.

    confidence: share of the part's area that lies in that region; covers: all regions more than half of which it holds
    """

    index: int
    name: str
    confidence: float
    covers: tuple[str, ...] = ()

    @property
    def answers_to(self) -> tuple[str, ...]:
        """All names that call it."""
        return tuple(dict.fromkeys((self.name, *self.covers)))


def regions(landmarks: Tensor, size: int) -> Tensor:
    """Where each of REGIONS is, bool [N, R, size, size], no place in two of them.

    landmarks: [N, 5, 2] x, y of right eye, left eye, nose, right and left mouth corner; -1 to 1 over the picture.
    The face's own axes: from one eye to the other, and from between the eyes to the mouth, whose distance is about as
    long; so a face that nods or is tilted keeps its regions.
    """
    eyes, mouth, nose = landmarks[:, :2].mean(1), landmarks[:, 3:].mean(1), landmarks[:, 2]
    across, down = landmarks[:, 1] - landmarks[:, 0], mouth - eyes
    axes = torch.stack([across, down], -1) + 1e-6 * torch.eye(2, device=landmarks.device)  # never singular
    places = grid(size, size, device=landmarks.device)

    def of_face(centre: Tensor) -> tuple[Tensor, Tensor]:
        own = torch.linalg.solve(axes, (places.reshape(-1, 2) - centre[:, None]).mT).mT.unflatten(1, (size, size))
        return own.unbind(-1)

    x, y = of_face(eyes)
    nose_x, nose_y = of_face(nose)
    mouth_x, mouth_y = of_face(mouth)
    oval = (x / 1.15) ** 2 + ((y - 0.5) / 1.4) ** 2 < 1
    chosen = {
        "eyes": (x.abs() < 0.9) & (y > -0.4) & (y < 0.22),
        "mouth": (mouth_x / 0.6) ** 2 + (mouth_y / 0.3) ** 2 < 1,
        "nose": (nose_x.abs() < 0.3) & (nose_y > -0.45) & (nose_y < 0.2),
        "jaw": oval & (mouth_y > 0.1),
        "forehead": oval & (y < -0.2),
        "cheeks": oval,
        "hair": (y < 0.4) & ((x / 1.9) ** 2 + ((y - 0.3) / 2.5) ** 2 < 1),
        "body": (y > 1.7) & (x.abs() < 3.5),
    }
    taken, found = torch.zeros_like(oval), {}
    for name, where in chosen.items():  # the first that claims a place has it
        found[name] = where & ~taken
        taken = taken | where
    return torch.stack([found[name] for name in REGIONS], 1)


def frontal(landmarks: Tensor) -> Tensor:
    """Which of these faces [N, 5, 2] show both of their sides: bool [N]. A profile says nothing of where eyes are."""
    width = (landmarks[:, 1] - landmarks[:, 0]).norm(dim=1)
    height = (landmarks[:, 3:].mean(1) - landmarks[:, :2].mean(1)).norm(dim=1)
    return width > TURNED * height


class PartNaming:
    """Adds up, batch by batch, how much of which region each part holds. Profiles are left out."""

    def __init__(self, parts: int) -> None:
        self.both = torch.zeros(parts, len(REGIONS), dtype=torch.float64)
        self.part = torch.zeros(parts, dtype=torch.float64)
        self.region = torch.zeros(len(REGIONS), dtype=torch.float64)
        self.places = 0

    def add(self, masks: Tensor, landmarks: Tensor) -> None:
        """masks: [N, K + 1, h, h], the background first; landmarks as `regions` takes them."""
        masks, landmarks = masks[frontal(landmarks)], landmarks[frontal(landmarks)]
        where = regions(landmarks.to(masks), masks.shape[-1]).double().cpu()
        shares = masks[:, 1:].double().cpu()
        self.both += torch.einsum("nkhw,nrhw->kr", shares, where)
        self.part += shares.sum((0, 2, 3))
        self.region += where.sum((0, 2, 3))
        self.places += masks.shape[0] * masks.shape[2] * masks.shape[3]

    def names(self) -> tuple[PartName, ...]:
        """One for each part, by greatest IoU."""
        union = self.part[:, None] + self.region[None] - self.both
        overlap = self.both / union.clamp_min(1e-9)
        inside = self.both / self.part[:, None].clamp_min(1e-9)
        covered = self.both / self.region[None].clamp_min(1e-9)
        named = []
        for k in range(len(self.part)):
            best = int(overlap[k].argmax())
            if self.part[k] < LEAST_AREA * self.places:
                named.append(PartName(k + 1, UNUSED, 1.0))
            elif overlap[k, best] < LEAST_OVERLAP:
                named.append(PartName(k + 1, ELSEWHERE, float(1 - inside[k].sum())))
            else:
                covers = tuple(name for r, name in enumerate(REGIONS) if covered[k, r] > COVERED)
                named.append(PartName(k + 1, REGIONS[best], float(inside[k, best]), covers))
        return tuple(named)


def parts_called(names: Sequence[PartName], wanted: Collection[str]) -> list[int]:
    """Channels of the parts that answer to any of these names. Raises PartUnknown."""
    known = sorted({name for part in names if part.name != UNUSED for name in part.answers_to})
    for name in wanted:
        if name not in known:
            raise PartUnknown(f"This generator has no part {name!r}. Its parts: {', '.join(known) or 'none'}.")
    return [part.index for part in names if set(part.answers_to) & set(wanted)]
