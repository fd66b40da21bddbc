"""The training loop: plain torch, resumable at any step, early stop on validation only."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fakelake.models.checkpoint import TrainingDiverged, give_memory_back, left_off, save_whole
from fakelake.models.detector.clips import ClipSource, PairedClips, batches
from fakelake.models.detector.infer import autocast
from fakelake.models.detector.network import Detector
from fakelake.models.detector.recipes import TrainRecipe
from fakelake.models.detector.validation import HeldOut, validate
from fakelake.models.share import Share

SAVE_EVERY_S = 120  # a killed training loses this much at most


@dataclass(slots=True)
class Epoch:
    """What one epoch did. wait_share: of its time, waiting for input. val: name -> figure on the held-out videos."""

    epoch: int
    loss: float
    accuracy: float
    seconds: float
    wait_share: float
    clips_per_s: float
    val: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Progress:
    """Where a training stands; saved with every checkpoint."""

    epoch: int = 0
    step: int = 0  # within the epoch
    best_epoch: int = -1
    best_loss: float = math.inf
    history: list[Epoch] = field(default_factory=list)
    loss_sum: float = 0.0
    right: int = 0
    clips: int = 0
    seconds: float = 0.0
    waited: float = 0.0


def train(
    detector: Detector, source: ClipSource, held_out: HeldOut, recipe: TrainRecipe, blended: float, directory: Path, *,
    device: str = "cpu", workers: int = 0, on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Progress:  # fmt: skip
    """Train in place; the weights of the best validation loss are in `detector` at the end.

    blended:   share of self-blended fakes, as resolved from the recipe and the lake
    directory: gets `last.pt`; what it holds of an interrupted training is taken up, so that call and call again is safe
    In a process group of `torch.distributed` every process calls this alike, with a directory that all see, and takes
    its share of each batch; the first validates, saves and tells `on_epoch`.
    Raises TrainingDiverged, OtherTraining, OneClassOnly.
    """
    share = Share.here()
    torch.manual_seed(recipe.seed + share.rank)
    if torch.device(device).type == "cpu" and recipe.network.trunk == "resnext50":
        give_memory_back()  # not the light trunk: of its many small tensors a step takes up to twice the time
    detector.to(device, memory_format=torch.channels_last)
    data = PairedClips(
        source, frames=recipe.network.frames, blended=blended, augment=recipe.augmentation, seed=recipe.seed,
        clips_per_video=recipe.clips_per_video,
    )  # fmt: skip
    run = _Run(detector, data, recipe, directory, device, workers, share)
    run.resume()
    while run.progress.epoch < recipe.epochs and not run.out_of_patience():
        epoch = run.one_epoch()
        epoch.val = share.told(validate(run.kept, held_out, recipe.precision) if share.leads else {})
        run.close_epoch(epoch)
        if share.leads:
            on_epoch(epoch)
    share.told(None)  # the leader has saved
    detector.load_state_dict(torch.load(directory / "best.pt", map_location=device, weights_only=True))
    detector.eval()
    return run.progress


class _Run:
    """The things that change while it trains."""

    def __init__(
        self, detector: Detector, data: PairedClips, recipe: TrainRecipe, directory: Path, device: str, workers: int,
        share: Share,
    ) -> None:  # fmt: skip
        self.share, self.forward = share, share.wrap(detector)
        self.detector, self.data, self.recipe, self.device, self.workers = detector, data, recipe, device, workers
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.optimizer = torch.optim.Adam(
            detector.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
        steps_an_epoch = -(-2 * len(data) // recipe.batch)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, _rate(recipe, steps_an_epoch * recipe.epochs))
        self.average = (
            AveragedModel(detector, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema), use_buffers=True)
            if recipe.ema is not None
            else None
        )
        self.progress = Progress()

    @property
    def kept(self) -> Detector:
        """What is validated and kept: the average, where there is one."""
        return self.average.module if self.average is not None else self.detector

    def one_epoch(self) -> Epoch:
        """Train to the end of the epoch, from wherever it stands."""
        p = self.progress
        self.detector.train()
        if self.recipe.weights == "scratch" and not p.epoch and not p.step:
            self.settle()
        loader = batches(self.data, self.recipe.batch, p.epoch, p.step, self.workers, self.share)
        saved = before = time.monotonic()
        for clips, mask, labels in loader:
            arrived = time.monotonic()
            loss, right = self._step(clips.to(self.device), mask.to(self.device), labels.to(self.device))
            p.step += 1
            p.loss_sum, p.right, p.clips = p.loss_sum + loss * len(labels), p.right + right, p.clips + len(labels)
            now = time.monotonic()
            p.waited, p.seconds, before = p.waited + arrived - before, p.seconds + now - before, now
            if now - saved > SAVE_EVERY_S:
                self.save()
                saved = time.monotonic()
        loss, right, clips = self.share.sum([p.loss_sum, p.right, p.clips], self.device)
        seconds = max(p.seconds, 1e-9)
        return Epoch(p.epoch, loss / clips, right / clips, p.seconds, p.waited / seconds, clips / seconds)

    def settle(self) -> None:
        """Start the running statistics of random weights at those of a batch.

        They start at a variance of 1 and forget it by a tenth a step; where a layer's is a thousandth, a detector of
        fewer than a hundred steps says the same of everything.
        """
        norms = [module for module in self.detector.modules() if isinstance(module, nn.BatchNorm2d)]
        usual = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 1.0
        clips, mask, _ = next(iter(batches(self.data, self.recipe.batch, 0, 0, 0, self.share)))
        with torch.no_grad(), autocast(self.device, self.recipe.precision):
            self.detector(clips.to(self.device), mask.to(self.device))
        for norm, momentum in zip(norms, usual, strict=True):
            norm.momentum = momentum

    def _step(self, clips: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor) -> tuple[float, int]:
        with autocast(self.device, self.recipe.precision):
            logits = self.forward(clips, mask).float()
        loss = F.cross_entropy(logits, labels)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingDiverged(
                f"The loss became {value} in epoch {self.progress.epoch}, step {self.progress.step}. Lower "
                f"learning_rate (now {self.recipe.learning_rate:g}) or train with precision=fp32. With the "
                "settings of now it would go on from its last good checkpoint, to the same end."
            )
        loss.backward()
        nn.utils.clip_grad_norm_(self.detector.parameters(), 5.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)  # here, so that no gradient takes memory during the next forward
        self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.detector)
        return value, int((logits.argmax(1) == labels).sum())

    def close_epoch(self, epoch: Epoch) -> None:
        p = self.progress
        p.history.append(epoch)
        if epoch.val["log_loss"] < p.best_loss or p.best_epoch < 0:
            p.best_loss, p.best_epoch = epoch.val["log_loss"], epoch.epoch
            if self.share.leads:
                save_whole(self.kept.state_dict(), self.directory / "best.pt")
        p.epoch, p.step = p.epoch + 1, 0
        p.loss_sum, p.right, p.clips, p.seconds, p.waited = 0.0, 0, 0, 0.0, 0.0
        self.save()

    def out_of_patience(self) -> bool:
        p, patience = self.progress, self.recipe.patience
        return patience is not None and p.best_epoch >= 0 and p.epoch - 1 - p.best_epoch >= patience

    def save(self) -> None:
        if not self.share.leads:
            return
        state = {
            "recipe": self.recipe.to_json(), "pairs": len(self.data), "detector": self.detector.state_dict(),
            "optimizer": self.optimizer.state_dict(), "schedule": self.schedule.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "progress": asdict(self.progress), "random": torch.get_rng_state(),
        }  # fmt: skip
        save_whole(state, self.directory / "last.pt")

    def resume(self) -> None:
        """Take up `last.pt`, if there is one. Raises OtherTraining."""
        state = left_off(self.directory / "last.pt", self.recipe.to_json(), len(self.data))
        if state is None:
            return
        self.detector.load_state_dict(state["detector"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        history = [Epoch(**epoch) for epoch in state["progress"].pop("history")]
        self.progress = Progress(**state["progress"], history=history)
        if self.share.leads:
            torch.set_rng_state(state["random"])


def _rate(recipe: TrainRecipe, steps: int) -> Callable[[int], float]:
    """Factor on the learning rate at a step: constant, or a linear rise and then half a cosine."""
    rising = round(recipe.warmup * steps)

    def factor(step: int) -> float:
        if not recipe.warmup:
            return 1.0
        if step < rising:
            return (step + 1) / rising
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rising) / max(1, steps - rising))))

    return factor
