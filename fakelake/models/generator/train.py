"""The generator's training loop: plain torch, two optimisers, resumable at any step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from fakelake.models.checkpoint import TrainingDiverged, left_off, save_whole
from fakelake.models.generator.equivariance import Transform
from fakelake.models.generator.measures import HeldOutPairs, held_out_figures
from fakelake.models.generator.network import Generator
from fakelake.models.generator.objective import Objective
from fakelake.models.generator.pairs import FramePairs, PairAugmentation, PortraitSource, batches
from fakelake.models.generator.perceptual import PerceptualLoss
from fakelake.models.generator.recipes import GeneratorRecipe
from fakelake.models.share import Share

SAVE_EVERY_S = 120
BETAS = (0.5, 0.999)


@dataclass(slots=True)
class Epoch:
    """What one epoch did. losses: means over its pairs, weighted as they are summed; val: on held-out people."""

    epoch: int
    warmup: bool
    losses: dict[str, float]
    seconds: float
    pairs_per_s: float
    wait_share: float
    val: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Progress:
    """Where a training stands; saved with every checkpoint."""

    epoch: int = 0
    step: int = 0
    history: list[Epoch] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    pairs: int = 0
    seconds: float = 0.0
    waited: float = 0.0


def train(
    generator: Generator, source: PortraitSource, held_out: HeldOutPairs, recipe: GeneratorRecipe, directory: Path, *,
    device: str = "cpu", workers: int = 0, on_epoch: Callable[[Epoch, Generator], None] = lambda epoch, generator: None,
) -> Progress:  # fmt: skip
    """Train in place.

    directory: gets `last.pt`; what it holds of an interrupted training is taken up, so that call and call again is safe
    on_epoch:  is told of every epoch, with the generator as it then is
    In a process group of `torch.distributed` every process calls this alike, with a directory that all see, and takes
    its share of each batch; the first validates, saves and tells `on_epoch`.
    Raises TrainingDiverged, OtherTraining, WeightsMissing, WeightsUnfit.
    """
    share = Share.here()
    torch.manual_seed(recipe.seed + share.rank)
    run = _Run(generator, source, recipe, directory, device, workers, share)
    run.resume()
    while run.progress.epoch < recipe.warming + recipe.epochs:
        epoch = run.one_epoch()
        epoch.val = share.told(held_out_figures(generator, held_out) if share.leads else {})
        run.close_epoch(epoch)
        if share.leads:
            on_epoch(epoch, generator)
    share.told(None)  # the leader has saved
    generator.eval()
    return run.progress


class _Run:
    """The things that change while it trains."""

    def __init__(
        self, generator: Generator, source: PortraitSource, recipe: GeneratorRecipe, directory: Path, device: str,
        workers: int, share: Share,
    ) -> None:  # fmt: skip
        directory.mkdir(parents=True, exist_ok=True)
        self.generator = generator.to(device, memory_format=torch.channels_last)
        perceptual = PerceptualLoss(recipe.perceptual, weights=recipe.perceptual_weights)
        self.objective = share.wrap(Objective(generator, perceptual).to(device), some_unused=recipe.warming > 0)
        augment = PairAugmentation() if recipe.jitter else None
        self.pairs = FramePairs(source, recipe.network.px, repeats=recipe.repeats, augment=augment, seed=recipe.seed)
        self.recipe, self.directory, self.device, self.workers = recipe, directory, device, workers
        self.share = share
        finding = [p for name, p in generator.named_parameters() if not name.startswith("reconstruction.")]
        drawing = list(generator.reconstruction.parameters())
        self.optimizers = [torch.optim.Adam(p, recipe.learning_rate, BETAS, fused=True) for p in (finding, drawing)]
        self.progress = Progress()

    def one_epoch(self) -> Epoch:
        """Train to the end of the epoch, from wherever it stands."""
        p = self.progress
        self.generator.train()
        warmup = p.epoch < self.recipe.warming
        saved = before = time.monotonic()
        for pairs in batches(self.pairs, self.recipe.batch, p.epoch, p.step, self.workers, self.share):
            arrived = time.monotonic()
            values = self._step(pairs.to(self.device), warmup)
            p.step, p.pairs = p.step + 1, p.pairs + len(pairs)
            for name, value in values.items():
                p.sums[name] = p.sums.get(name, 0.0) + value * len(pairs)
            now = time.monotonic()
            p.waited, p.seconds, before = p.waited + arrived - before, p.seconds + now - before, now
            if now - saved > SAVE_EVERY_S:
                self.save()
                saved = time.monotonic()
        *sums, pairs = self.share.sum([*p.sums.values(), p.pairs], self.device)
        means = {name: value / pairs for name, value in zip(p.sums, sums, strict=True)}
        seconds = max(p.seconds, 1e-9)
        return Epoch(p.epoch, warmup, means, p.seconds, pairs / seconds, p.waited / seconds)

    def _step(self, pairs: torch.Tensor, warmup: bool) -> dict[str, float]:
        source, target = (pairs.float() / 255).unbind(1)
        transform = Transform.random(len(pairs), source.device)
        with torch.autocast(source.device.type, torch.bfloat16, enabled=self.recipe.precision == "bf16"):
            found = self.objective(source, target, transform, warmup, self.recipe.hold)
        values = found.values()
        if not all(map(math.isfinite, values.values())):
            raise TrainingDiverged(
                f"A loss is no number any more in epoch {self.progress.epoch}, step {self.progress.step}: {values}. "
                f"Lower learning_rate (now {self.recipe.learning_rate:g}) or train with precision=fp32. Training again "
                "goes on from the last good checkpoint."
            )
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        found.total.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        return values

    def close_epoch(self, epoch: Epoch) -> None:
        p = self.progress
        p.history.append(epoch)
        p.epoch, p.step, p.pairs, p.seconds, p.waited, p.sums = p.epoch + 1, 0, 0, 0.0, 0.0, {}
        self.save()

    def save(self) -> None:
        if not self.share.leads:
            return
        state = {
            "recipe": self.recipe.to_json(), "pairs": len(self.pairs), "generator": self.generator.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": asdict(self.progress), "random": torch.get_rng_state(),
        }  # fmt: skip
        save_whole(state, self.directory / "last.pt")

    def resume(self) -> None:
        """Take up `last.pt`, if there is one. Raises OtherTraining."""
        state = left_off(self.directory / "last.pt", self.recipe.to_json(), len(self.pairs))
        if state is None:
            return
        self.generator.load_state_dict(state["generator"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        history = [Epoch(**epoch) for epoch in state["progress"].pop("history")]
        self.progress = Progress(**state["progress"], history=history)
        torch.set_rng_state(state["random"])
