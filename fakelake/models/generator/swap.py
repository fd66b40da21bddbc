"""Part swap: some parts of one face, from one picture, in many pictures of another.

Hung et al. 2020, section 4.3: out = decode(enc(T) (1 - M) + warp(enc(S)) V M), M the mask of the parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from fakelake.models.generator.blocks import resize
from fakelake.models.generator.folding import folded
from fakelake.models.generator.motion import flow, visibility
from fakelake.models.generator.network import Generator
from fakelake.models.generator.reconstruction import warp
from fakelake.models.generator.segmentation import Parts

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
MASKS = ("target", "source")
HARD = 0.5


@dataclass(frozen=True, slots=True)
class Swapped:
    """picture: [B, 3, px, px], RGB, 0 to 1; mask: M, [B, 1, 64, 64]."""

    picture: Tensor
    mask: Tensor


def swap_mask(source: Parts, target: Parts, moved: Tensor, channels: Sequence[int], *, hard: bool, of: str) -> Tensor:
    """M [B, 1, 64, 64]: the sum of the parts' masks, of the target or, warped by the flow, of the source."""
    masks = (target if of == "target" else source).masks[:, list(channels)].sum(1, keepdim=True)
    if of == "source":
        masks = warp(masks, moved)
    return (masks > HARD).to(masks) if hard else masks.clamp(0, 1)


class Swapper:
    """Puts parts of one source into targets. What the source needs is computed once.

    source:     [1, 3, px, px], RGB, 0 to 1
    channels:   of the part masks, 1 to K, as `naming.parts_called` gives them
    hard:       the mask is cut at a half, instead of its soft edge
    masks_from: target, or source: then the source's mask is moved along with its face
    precision:  fp32, or bf16: features are drawn in bfloat16; masks, places and flow stay fp32

    The networks are copied, made quicker and used where `source` is. Raises ValueError for channels that the generator
    does not have and for words that are none of the above.
    """

    def __init__(
        self, generator: Generator, source: Tensor, channels: Sequence[int], *, hard: bool = False,
        masks_from: str = "target", precision: str = "fp32",
    ) -> None:  # fmt: skip
        config = generator.config
        if not channels or not set(channels) <= set(range(1, config.parts + 1)):
            raise ValueError(f"The parts of this generator are channels 1 to {config.parts}, not {list(channels)}.")
        if masks_from not in MASKS:
            raise ValueError(f"Masks are taken from {' or '.join(MASKS)}, not {masks_from!r}.")
        if precision not in PRECISIONS:
            raise ValueError(f"precision is {' or '.join(PRECISIONS)}, not {precision!r}.")
        self.channels, self.hard, self.masks_from = tuple(channels), hard, masks_from
        self._dtype = PRECISIONS[precision]
        # cuDNN picks such convolutions by itself, and bfloat16 has too few digits for them.
        quick = folded(generator, winograd=source.device.type == "cpu" and precision == "fp32")
        self._generator = quick.to(source.device, memory_format=torch.channels_last)
        self._generator.reconstruction.to(self._dtype)
        with _inference(source):
            self._source = source.contiguous(memory_format=torch.channels_last)
            self._parts = self._generator.segmentation(self._source)
            # Sampled in fp32: a place between two of 64 columns needs more digits than bfloat16 has.
            self._features = self._generator.reconstruction.encode(self._source.to(self._dtype)).float()

    def swap(self, targets: Tensor) -> Swapped:
        """[B, 3, px, px], RGB, 0 to 1, on any device -> Swapped, where the source is."""
        targets = targets.to(self._source.device, memory_format=torch.channels_last)
        with _inference(targets):
            rows = len(targets)
            source = Parts(*(each.expand(rows, *each.shape[1:]) for each in _fields(self._parts)))
            wanted = self._generator.segmentation(targets)
            moved = self._flow(source, wanted, targets)
            mask = swap_mask(source, wanted, moved, self.channels, hard=self.hard, of=self.masks_from)
            theirs = warp(self._features.expand(rows, -1, -1, -1), moved, visibility(source, wanted))
            reconstruction = self._generator.reconstruction
            own = reconstruction.encode(targets.to(self._dtype))
            here = resize(mask, own.shape[-2:])
            features = torch.lerp(own.float(), theirs, here).to(self._dtype, memory_format=torch.channels_last)
            return Swapped(reconstruction.decode(features), mask)

    def _flow(self, source: Parts, wanted: Parts, targets: Tensor) -> Tensor:
        camera = None
        if self._generator.background is not None:
            shrink = self._generator.segmentation.shrink
            first = shrink(self._source).expand(len(targets), -1, -1, -1)
            camera = self._generator.background(first, shrink(targets))
        return flow(source, wanted, affine=self._generator.config.affine, background=camera)


def _fields(parts: Parts) -> tuple[Tensor, Tensor, Tensor]:
    return parts.masks, parts.place, parts.affine


@contextmanager
def _inference(like: Tensor) -> Iterator[None]:
    """Without a trace for gradients, and on a GPU with whatever convolution proves quickest."""
    tuned = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = like.is_cuda
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.backends.cudnn.benchmark = tuned
