"""A trained detector as a directory: its settings, its state dict, a TorchScript copy, a card for people."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from fakelake.models.bundle import CARD, CONFIG, STATE, BundleUnfit, reading
from fakelake.models.detector.network import Detector, DetectorConfig, fake_logit
from fakelake.models.weights import sha256_of

SCRIPT = "model.ts"
TOLERANCE = 1e-3  # of a logit, between the eager model and an exported one


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleConfig:
    """network: what to build; recipe_id, crop_margin: the crops that it learnt from; trained: the training's record."""

    network: DetectorConfig
    recipe_id: str
    crop_margin: float
    trained: dict

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> BundleConfig:
        values = json.loads(text)
        return cls(**{**values, "network": DetectorConfig(**values["network"])})


class _Logit(nn.Module):
    """What is exported: clips and mask in, z_fake - z_real out."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, clips: Tensor, mask: Tensor) -> Tensor:
        return fake_logit(self.detector(clips, mask))


def write_bundle(directory: Path, detector: Detector, config: BundleConfig, card: str) -> float:
    """Write all files. Returns the greatest difference of a logit between the eager and the exported model.

    Raises BundleUnfit when that is more than TOLERANCE: an export that decides otherwise is worse than none.
    """
    directory.mkdir(parents=True, exist_ok=True)
    detector = detector.cpu().eval()
    torch.save(detector.state_dict(), directory / STATE)
    (directory / CONFIG).write_text(config.to_json())
    (directory / CARD).write_text(card)
    clips, mask = _probe(config.network)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is on its way out, and still what servers of models load
        script = torch.jit.trace(_Logit(detector), (clips, mask), check_trace=False)
        script.save(str(directory / SCRIPT))
        again = torch.jit.load(str(directory / SCRIPT))
        loaded, _ = read_bundle(directory)
        worst = 0.0
        for frames in (config.network.frames, 3):  # traced at one length, it has to hold at others
            clips, mask = _probe(config.network, frames)
            wanted = fake_logit(detector(clips, mask))
            for other in (again(clips, mask), fake_logit(loaded(clips, mask))):
                worst = max(worst, float((wanted - other).abs().max()))
    if not worst <= TOLERANCE:
        raise BundleUnfit(f"The exported model in {directory} differs by {worst:.2g} in a logit from the one trained.")
    return worst


def read_bundle(directory: Path) -> tuple[Detector, BundleConfig]:
    """The model, ready to score on the CPU. Raises BundleUnfit."""
    with reading(directory):
        config = BundleConfig.from_json((directory / CONFIG).read_text())
        detector = Detector(config.network)
        detector.load_state_dict(torch.load(directory / STATE, map_location="cpu", weights_only=True))
    return detector.eval(), config


def bundle_sha256(directory: Path) -> str:
    """Of the state dict: what a score's model really was."""
    return sha256_of(directory / STATE)


def _probe(config: DetectorConfig, frames: int | None = None) -> tuple[Tensor, Tensor]:
    frames = frames or config.frames
    generator = torch.Generator().manual_seed(0)
    clips = torch.randint(0, 256, (2, frames, 3, config.px, config.px), generator=generator, dtype=torch.uint8)
    mask = torch.ones(2, frames, dtype=torch.bool)
    mask[1, max(1, frames // 2) :] = False
    return clips, mask
