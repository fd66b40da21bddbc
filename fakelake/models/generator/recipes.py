"""Training recipes of the generator."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fakelake.models.generator.config import GeneratorConfig
from fakelake.models.generator.perceptual import KINDS
from fakelake.models.typed import TrainingRecipe


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneratorRecipe(TrainingRecipe):
    """Every choice of one training.

    perceptual: vgg19, mobilenet_v2 or pixels: what pictures are compared by
    perceptual_weights: imagenet or scratch
    init:       scratch; warmup: first some epochs in the manner of the first-order model, driven by the parts' places;
                or the path of a state dict of the same network
    repeats:    of every person in an epoch
    hold:       weight with which masks are held around their parts' places; 0, as published, needs much motion and time
    precision:  fp32 or bf16 (autocast)
    """

    name: str
    network: GeneratorConfig = field(default_factory=GeneratorConfig)
    perceptual: str = "vgg19"
    perceptual_weights: str = "imagenet"
    init: str = "warmup"
    warmup_epochs: int = 1
    learning_rate: float = 2e-4
    batch: int = 20
    epochs: int = 5
    repeats: int = 50
    jitter: bool = True
    hold: float = 0.0
    precision: str = "fp32"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.perceptual not in KINDS:
            raise ValueError(f"perceptual is one of {', '.join(KINDS)}, not {self.perceptual!r}")
        if self.perceptual_weights not in ("imagenet", "scratch"):
            raise ValueError(f"perceptual_weights is imagenet or scratch, not {self.perceptual_weights!r}")
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision is fp32 or bf16, not {self.precision!r}")
        if min(self.batch, self.epochs, self.repeats) < 1 or self.warmup_epochs < 0:
            raise ValueError("batch, epochs and repeats are at least 1, warmup_epochs at least 0")

    @property
    def warming(self) -> int:
        """Epochs of warm-up at the beginning."""
        return self.warmup_epochs if self.init == "warmup" else 0


def paper() -> GeneratorRecipe:
    """As published: 256 px, VGG-19, Adam 2e-4 for both modules, batches of 20, 5 epochs of 50 times every person."""
    return GeneratorRecipe(name="paper")


def light() -> GeneratorRecipe:
    """For a CPU: 64 px, a quarter of the channels, compared by a MobileNetV2."""
    network = GeneratorConfig(px=64, parts=5, seg_base=16, seg_cap=256, rec_base=32, rec_cap=128, rec_blocks=3)
    return GeneratorRecipe(
        name="light", network=network, perceptual="mobilenet_v2", learning_rate=1e-3, batch=8, epochs=20, repeats=20,
        warmup_epochs=5, hold=2.0,
    )  # fmt: skip


def demo() -> GeneratorRecipe:
    """Smaller still, for two minutes: to see the parts at work."""
    network = GeneratorConfig(px=64, parts=5, seg_base=8, seg_cap=128, rec_base=16, rec_cap=64, rec_blocks=1)
    return replace(
        light(), name="demo", network=network, learning_rate=2e-3, batch=4, warmup_epochs=2, epochs=4, repeats=60
    )  # fmt: skip


RECIPES = {"paper": paper, "light": light, "demo": demo}
