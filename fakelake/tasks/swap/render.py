"""Frames of a target through the network, some at a time, and out again in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from fakelake.models.generator.swap import Swapper
from fakelake.tasks import crop
from fakelake.tasks.decode import Frame
from fakelake.tasks.swap.paste import Drawn, paste
from fakelake.tasks.swap.plan import Place, SwapPlan
from fakelake.tasks.swap.planes import PlaneReader, Planes

BATCH = 8  # portraits at once
PENDING_BYTES = 96 << 20  # of decoded frames that wait for a batch


@dataclass(frozen=True, slots=True)
class Rendered:
    """A frame as it will be encoded. place, drawn: of the part that was pasted, None where there is none."""

    frame: Frame
    planes: Planes
    place: Place | None = None
    drawn: Drawn | None = None


def render(
    frames: Iterable[Frame], plan: SwapPlan, swapper: Swapper, reader: PlaneReader, px: int, *, batch: int = BATCH
) -> Iterator[Rendered]:
    """Every frame, in order, with its part where the plan has one. Memory: the frames of one batch."""
    waiting: deque[tuple[Frame, Place | None]] = deque()
    places = held = 0
    for frame in frames:
        place = plan.at(frame.index)
        waiting.append((frame, place))
        places += place is not None
        held += frame.width * frame.height * 3 // 2
        if places == batch or not places or held >= PENDING_BYTES:
            yield from _drawn(waiting, swapper, reader, px)
            places = held = 0
    yield from _drawn(waiting, swapper, reader, px)


def _drawn(
    waiting: deque[tuple[Frame, Place | None]], swapper: Swapper, reader: PlaneReader, px: int
) -> Iterator[Rendered]:
    targets = [crop.picture(frame.region, place.window, px) for frame, place in waiting if place is not None]
    made = iter(draw(swapper, targets) if targets else ())
    while waiting:
        frame, place = waiting.popleft()
        planes = reader.read(frame)
        drawn = None
        if place is not None:
            drawn = next(made)
            paste(planes, place, drawn)
        yield Rendered(frame, planes, place, drawn)


def draw(swapper: Swapper, targets: list[np.ndarray]) -> list[Drawn]:
    """uint8 [px, px, 3] BGR each."""
    made = swapper.swap(to_tensor(targets))
    pictures = (made.picture.clamp(0, 1) * 255).round().byte().movedim(1, -1).flip(-1).cpu().numpy()
    masks = made.mask[:, 0].float().cpu().numpy()
    return [Drawn(*each) for each in zip(targets, pictures, masks, strict=True)]


def to_tensor(pictures: list[np.ndarray]) -> torch.Tensor:
    """uint8 [px, px, 3] BGR each -> float [B, 3, px, px], RGB, 0 to 1."""
    return torch.from_numpy(np.stack(pictures)).flip(-1).movedim(-1, 1).float() / 255
