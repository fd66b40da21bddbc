"""Training recipes: `paper` as the source report says, `best` as the field has learnt, `light` for a CPU."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fakelake.models.detector.augment import Augmentation
from fakelake.models.detector.network import DetectorConfig
from fakelake.models.typed import TrainingRecipe

AUGMENTATIONS: dict[str, Augmentation | None] = {
    "none": None,
    "light": Augmentation(colour=0.3, grey=0, jpeg=0.2, h264=0, rescale=0.1, blur=0, noise=0),
    "full": Augmentation(),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainRecipe(TrainingRecipe):
    """Every choice of one training.

    weights:   imagenet, scratch, or the path of a state dict of the trunk as torchvision has it
    augment:   none, light (flip, move, some colour and JPEG) or full (what social media does)
    blended:   share of the fakes that are self-blended; None: all where the lake has no fake, else half
    patience:  epochs without a better validation loss before it stops; None: never
    ema:       decay a step of the averaged weights that are validated and kept; None: no average
    precision: fp32 or bf16 (autocast)
    """

    name: str
    network: DetectorConfig = field(default_factory=DetectorConfig)
    weights: str = "imagenet"
    learning_rate: float = 1e-5
    weight_decay: float = 1e-3
    batch: int = 4
    epochs: int = 20
    clips_per_video: int = 1
    augment: str = "none"
    blended: float | None = 0.0
    patience: int | None = None
    ema: float | None = None
    warmup: float = 0.0  # share of all steps in which the rate rises; afterwards it falls as a cosine if this is set
    precision: str = "fp32"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.batch < 2 or self.batch % 2:
            raise ValueError(f"a batch is pairs of a real and a fake clip: an even number, not {self.batch}")
        if self.epochs < 1 or self.clips_per_video < 1:
            raise ValueError("epochs and clips_per_video are at least 1")
        if not self.learning_rate > 0 or not self.weight_decay >= 0:
            raise ValueError("learning_rate is above 0, weight_decay at least 0")
        if self.ema is not None and not 0 < self.ema < 1:
            raise ValueError(f"ema is a decay between 0 and 1, or none, not {self.ema}")
        if self.augment not in AUGMENTATIONS:
            raise ValueError(f"augment is one of {', '.join(AUGMENTATIONS)}, not {self.augment!r}")
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision is fp32 or bf16, not {self.precision!r}")
        if self.blended is not None and not 0 <= self.blended <= 1:
            raise ValueError(f"blended is a share between 0 and 1, or none, not {self.blended}")

    @property
    def augmentation(self) -> Augmentation | None:
        return AUGMENTATIONS[self.augment]


def paper() -> TrainRecipe:
    """The report: Adam 1e-5, weight decay 1e-3, batches of 4, 20 epochs, cross-entropy, no augmentation."""
    return TrainRecipe(name="paper")


def best() -> TrainRecipe:
    """What the field has learnt since: augmentation, self-blended images, an average of the weights, early stop."""
    return TrainRecipe(
        name="best", learning_rate=1e-4, batch=8, augment="full", blended=None, patience=5, ema=0.99, warmup=0.05,
        clips_per_video=2, precision="bf16",
    )  # fmt: skip


def light() -> TrainRecipe:
    """`best` on a MobileNetV2 with short clips and a small LSTM: minutes on two cores."""
    network = DetectorConfig(trunk="mobilenet_v2", hidden=512, frames=10)
    return replace(
        best(), name="light", network=network, learning_rate=3e-4, epochs=8, patience=3, ema=None, precision="fp32"
    )


def demo() -> TrainRecipe:
    """`light`, on a handful of people, to see the parts at work: its figures mean nothing, and it says so."""
    return replace(light(), name="demo", epochs=4, clips_per_video=4, patience=None)


RECIPES = {"paper": paper, "best": best, "light": light, "demo": demo}
