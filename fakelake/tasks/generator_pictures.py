"""Pictures of what a generator does: a grid of pairs for every epoch, and the parts with their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from fakelake.models.generator.blocks import grid
from fakelake.models.generator.measures import HeldOutPairs
from fakelake.models.generator.naming import PartName
from fakelake.models.generator.network import Generator
from fakelake.tasks.generator_plan import GeneratorPlan
from fakelake.tasks.portrait_set import held_out_pairs
from fakelake.tasks.train_generator import GeneratorExamination

SIDE = 128
HEAD = 22
COLUMNS = ("source", "target", "parts of source", "parts of target", "flow", "visible", "drawn", "error x4")
FONT = cv2.FONT_HERSHEY_SIMPLEX


@torch.no_grad()
def grid_picture(generator: Generator, held_out: HeldOutPairs, rows: int = 6) -> np.ndarray:
    """uint8 [H, W, 3] BGR: a row a pair, spread over the held-out people, a column for each of COLUMNS."""
    was = generator.training
    generator.eval()
    device = next(generator.parameters()).device
    chosen = torch.linspace(0, len(held_out.pairs) - 1, min(rows, len(held_out.pairs))).round().long()
    source, target = (held_out.pairs[chosen].to(device).float() / 255).unbind(1)
    drawn = generator(source, target)
    generator.train(was)
    colours = part_colours(generator.config.parts)
    lines = [_heads(COLUMNS)]
    for n in range(len(chosen)):
        lines.append(np.hstack([
            _tile(_bgr(source[n])), _tile(_bgr(target[n])),
            _tile(_over(_bgr(source[n]), drawn.source.masks[n], colours)),
            _tile(_over(_bgr(target[n]), drawn.target.masks[n], colours)),
            _tile(_flow(drawn.flow[n])), _tile(_grey(drawn.visible[n, 0])), _tile(_bgr(drawn.picture[n])),
            _tile(_grey(1 - 4 * (drawn.picture[n] - target[n]).abs().mean(0))),
        ]))  # fmt: skip
    return np.vstack(lines)


def parts_picture(pictures: Tensor, masks: Tensor, names: Sequence[PartName]) -> np.ndarray:
    """uint8 [H, W, 3] BGR: a row a picture: it, all its parts, then each part by itself under its name.

    pictures: uint8 [N, 3, px, px] RGB; masks: [N, K + 1, h, h]
    """
    colours = part_colours(len(names))
    said = [f"{part.index} {part.name} {part.confidence:.0%}" for part in names]
    lines = [_heads(["picture", "all parts", *said])]
    for picture, own in zip(pictures, masks, strict=True):
        image = _tile(np.ascontiguousarray(picture.permute(1, 2, 0).numpy()[..., ::-1]))
        tiles = [image, _over(image, own, colours)]
        for part in names:
            share = cv2.resize(own[part.index].float().numpy(), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)[..., None]
            tiles.append((image * (0.15 + 0.85 * share)).astype(np.uint8))
        lines.append(np.hstack(tiles))
    return np.vstack(lines)


def write_grid(path: Path, generator: Generator, plan: GeneratorPlan) -> Path:
    """The grid of a plan's held-out people as a JPEG file."""
    held_out = held_out_pairs(plan.held_out, plan.recipe.network.px, 1)
    cv2.imwrite(str(path), grid_picture(generator, held_out), (cv2.IMWRITE_JPEG_QUALITY, 92))
    return path


@torch.no_grad()
def write_parts(path: Path, generator: Generator, found: GeneratorExamination, rows: int = 6) -> Path:
    """Some held-out people's parts, named, as a JPEG file."""
    targets = found.held_out.pairs[:, 1]
    chosen = targets[torch.linspace(0, len(targets) - 1, min(rows, len(targets))).round().long()]
    device = next(generator.parameters()).device
    masks = generator.segmentation(chosen.to(device).float() / 255).masks
    cv2.imwrite(str(path), parts_picture(chosen, masks, found.parts), (cv2.IMWRITE_JPEG_QUALITY, 92))
    return path


def part_colours(parts: int) -> np.ndarray:
    """float [parts + 1, 3] BGR, 0 to 255: hues far from one another; the background has none."""
    hues = (np.arange(parts) * 0.618) % 1 * 255
    hsv = np.stack([hues, np.full(parts, 200), np.full(parts, 255)], 1).astype(np.uint8)
    return np.vstack([[[90, 90, 90]], cv2.cvtColor(hsv[None], cv2.COLOR_HSV2BGR_FULL)[0]]).astype(np.float32)


def _over(image: np.ndarray, masks: Tensor, colours: np.ndarray) -> np.ndarray:
    """The parts as tints over a picture."""
    tint = np.einsum("khw,kc->hwc", masks.float().cpu().numpy(), colours)
    size = image.shape[1], image.shape[0]
    return (0.4 * image + 0.6 * cv2.resize(tint.astype(np.float32), size)).clip(0, 255).astype(np.uint8)


def _flow(places: Tensor) -> np.ndarray:
    """Where each place comes from, as hue (direction) and brightness (distance; a quarter of the picture is full)."""
    moved = (places.cpu() - grid(*places.shape[:2])).numpy()
    angle, far = np.arctan2(moved[..., 1], moved[..., 0]), np.hypot(moved[..., 0], moved[..., 1])
    hsv = np.stack([(angle / (2 * np.pi) % 1) * 255, np.full_like(far, 255), np.clip(far / 0.5, 0, 1) * 255], 2)
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR_FULL)


def _bgr(picture: Tensor) -> np.ndarray:
    return np.ascontiguousarray((picture.clamp(0, 1) * 255).byte().permute(1, 2, 0).cpu().numpy()[..., ::-1])


def _grey(share: Tensor) -> np.ndarray:
    return cv2.cvtColor((share.clamp(0, 1) * 255).byte().cpu().numpy(), cv2.COLOR_GRAY2BGR)


def _tile(image: np.ndarray) -> np.ndarray:
    shrink = image.shape[0] > SIDE
    return cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)


def _heads(words: Sequence[str]) -> np.ndarray:
    line = np.full((HEAD, SIDE * len(words), 3), 32, np.uint8)
    for n, word in enumerate(words):
        cv2.putText(line, word, (n * SIDE + 3, 15), FONT, 0.4, (235, 235, 235), 1, cv2.LINE_AA)
    return line
