"""Parts of articulated figures: found by a generator that is trained here, and by clusters of optical flow."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from sklearn.cluster import KMeans

from fakelake.models.generator.config import GeneratorConfig
from fakelake.models.generator.measures import HeldOutPairs, part_iou
from fakelake.models.generator.network import Generator
from fakelake.models.generator.recipes import GeneratorRecipe
from fakelake.models.generator.sprites import PARTS, Sprites
from fakelake.models.generator.train import train

PX, FIGURES, POSES, HELD_OUT = 64, 80, 16, 24
FLOWS = 6  # other poses that a picture is compared with
NETWORK = GeneratorConfig(parts=len(PARTS), px=PX, seg_base=8, seg_cap=128, rec_base=16, rec_cap=64, rec_blocks=1)


class Kept:
    """A `PortraitSource` that draws each picture once."""

    def __init__(self, sprites: Sprites) -> None:
        self.sprites, self._kept = sprites, {}

    def __len__(self) -> int:
        return len(self.sprites)

    def clip(self, person: int, rng: np.random.Generator) -> int:
        return self.sprites.clip(person, rng)

    def length(self, clip: int) -> int:
        return self.sprites.length(clip)

    def read(self, clip: int, frames: list[int], px: int) -> np.ndarray:
        for frame in frames:
            if (clip, frame) not in self._kept:
                self._kept[clip, frame] = self.sprites.drawn(clip, frame)[0]
        return np.stack([self._kept[clip, frame] for frame in frames])


def unseen(seed: int) -> Sprites:
    """Figures that no training of this seed has."""
    return Sprites(HELD_OUT, FLOWS + 1, PX, seed=1000 + seed)


def recipe(seed: int, epochs: int) -> GeneratorRecipe:
    return GeneratorRecipe(
        name="sprites", network=NETWORK, perceptual="pixels", perceptual_weights="scratch", init="warmup",
        warmup_epochs=max(1, epochs // 4), epochs=epochs, learning_rate=1e-3, batch=16, repeats=8, jitter=False,
        seed=seed,
    )  # fmt: skip


def trained_iou(seed: int, epochs: int, directory: Path) -> float:
    """A part's number is the same in all pictures: they are matched to the known ones once, over all."""
    sprites = unseen(seed)
    drawn = [[sprites.drawn(clip, frame) for frame in (0, 1)] for clip in range(HELD_OUT)]
    pairs = torch.from_numpy(np.stack([np.stack([picture for picture, _ in both]) for both in drawn]))
    pairs = pairs.permute(0, 1, 4, 2, 3).contiguous()
    labels = torch.from_numpy(np.stack([both[0][1] for both in drawn]))
    torch.manual_seed(seed)
    generator = Generator(NETWORK)

    def told(epoch, network: Generator) -> None:
        if epoch.epoch % 5 == 4:
            print(f"  epoch {epoch.epoch + 1}: IoU {_iou(network, pairs, labels):.3f}", flush=True)

    train(
        generator, Kept(Sprites(FIGURES, POSES, PX, seed=seed)), HeldOutPairs(pairs), recipe(seed, epochs), directory,
        on_epoch=told,
    )  # fmt: skip
    return _iou(generator, pairs, labels)


@torch.no_grad()
def _iou(generator: Generator, pairs: torch.Tensor, labels: torch.Tensor) -> float:
    was = generator.training
    found = generator.eval().segmentation(pairs[:, 0].float() / 255).masks
    generator.train(was)
    return part_iou(found, labels)


def flow_clusters_iou(seed: int) -> float:
    """K-means of each pixel's place and of its flow to other poses; what stays most still is the background.

    Clusters have no number over pictures, so they are matched to the known parts in each picture by itself: easier
    than what the generator is asked.
    """
    sprites = unseen(seed)
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    places = np.stack(np.meshgrid(np.arange(PX), np.arange(PX)), -1).reshape(-1, 2) / PX
    found = []
    for clip in range(HELD_OUT):
        picture, labels = sprites.drawn(clip, 0)
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        moved = [
            flow.calc(grey, cv2.cvtColor(sprites.drawn(clip, n)[0], cv2.COLOR_RGB2GRAY), None).reshape(-1, 2) / PX
            for n in range(1, FLOWS + 1)
        ]
        features = np.concatenate([*moved, places], 1)
        cluster = KMeans(len(PARTS) + 1, n_init=4, random_state=seed).fit_predict(features)
        far = [np.abs(np.concatenate(moved, 1)[cluster == k]).mean() for k in range(len(PARTS) + 1)]
        order = np.argsort(far)  # the stillest first: the background
        masks = torch.stack([torch.from_numpy((cluster == k).reshape(PX, PX)) for k in order]).float()
        found.append(part_iou(masks[None], torch.from_numpy(labels)[None]))
    return float(np.mean(found))
