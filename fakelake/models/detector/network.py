"""The detector's network: a picture trunk, recurrence over time, one temporal pooling, a two-way head."""

from __future__ import annotations

import json
import pickle
from dataclasses import asdict, dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torchvision import models

from fakelake.models.weights import ResolvedWeights, WeightsUnfit

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # RGB, of values 0 to 1
IMAGENET_STD = (0.229, 0.224, 0.225)
LSTM_STEPS = 512  # frames of one recurrence at most: longer clips are windows
LEAST_PX = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorConfig:
    """What makes a network; two equal ones have interchangeable state dicts.

    trunk:    resnext50 (the report's) or mobilenet_v2 (`light`, for a CPU)
    temporal: lstm, or mean: the head on the mean of the frames' features, to ablate the LSTM
    frames:   of a clip, at training and at scoring; the network itself takes any number
    px:       side of a crop as the network sees it
    """

    trunk: Literal["resnext50", "mobilenet_v2"] = "resnext50"
    temporal: Literal["lstm", "mean"] = "lstm"
    hidden: int = 2048
    dropout: float = 0.4
    frames: int = 20
    px: int = 112

    def __post_init__(self) -> None:
        if self.trunk not in TRUNKS or self.temporal not in ("lstm", "mean"):
            raise ValueError(f"no such network: trunk {self.trunk!r} with temporal {self.temporal!r}")
        if not 1 <= self.frames <= LSTM_STEPS:
            raise ValueError(f"a clip has 1 to {LSTM_STEPS} frames, not {self.frames}")
        if self.px < LEAST_PX or self.hidden < 1 or not 0 <= self.dropout < 1:
            raise ValueError(f"px is at least {LEAST_PX}, hidden at least 1, dropout from 0 to below 1")

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> DetectorConfig:
        return cls(**json.loads(text))


# Trunk -> (constructor, channels of its last map, name of its ImageNet weights).
TRUNKS = {
    "resnext50": (models.resnext50_32x4d, 2048, "resnext50_32x4d-imagenet"),
    "mobilenet_v2": (models.mobilenet_v2, 1280, "mobilenet_v2-imagenet"),
}


class TemporalPool(nn.Module):
    """Mean over the frames that are there: the one way from frames to a clip, in training and in scoring."""

    def forward(self, steps: Tensor, mask: Tensor) -> Tensor:
        """steps [B, T, C], mask bool [B, T] with at least one frame a clip -> [B, C]."""
        weights = mask.to(steps.dtype).unsqueeze(-1)
        return (steps * weights).sum(1) / weights.sum(1)


class Detector(nn.Module):
    """ResNeXt-50 32x4d -> 2-D average pool -> LSTM over time -> mean -> LeakyReLU -> dropout -> linear.

    The source report's network, with its recurrence over the frames of one video (the published code recurs over
    the videos of a batch) and its dropout before the last layer. Input: crops, RGB. Output: logits, column 1 = fake.
    """

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.config = config
        build, channels, _ = TRUNKS[config.trunk]
        network = build(weights=None)
        self.trunk = (
            network.features
            if config.trunk == "mobilenet_v2"
            else nn.Sequential(*(part for name, part in network.named_children() if name not in ("avgpool", "fc")))
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.lstm = nn.LSTM(channels, config.hidden, batch_first=True) if config.temporal == "lstm" else None
        self.over_time = TemporalPool()
        self.activation = nn.LeakyReLU()
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.hidden if self.lstm is not None else channels, 2)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def maps(self, crops: Tensor) -> Tensor:
        """uint8 or float 0..255 [N, 3, px, px], RGB -> the trunk's last maps [N, C, h, w]."""
        pictures = (crops.float() / 255 - self.mean) / self.std
        return self.trunk(pictures.contiguous(memory_format=torch.channels_last))

    def features(self, crops: Tensor) -> Tensor:
        """uint8 or float 0..255 [N, 3, px, px], RGB -> one vector a frame [N, C]."""
        return self.pool(self.maps(crops)).flatten(1)

    def recur(self, features: Tensor) -> Tensor:
        """Features [B, T, C] of frames in order, padding behind them -> hidden states [B, T, H].

        What stands behind the last frame of a row cannot reach it: an LSTM of one direction never looks ahead.
        """
        if self.lstm is None:
            return features
        # No packing: it would need lengths on the CPU, and what is computed for the padding is never read.
        return self.lstm(features)[0]

    def decide(self, states: Tensor) -> Tensor:
        """Hidden states [..., H] -> logits [..., 2]: of a clip after pooling, or of single frames for a curve."""
        return self.head(self.dropout(self.activation(states)))

    def forward(self, clips: Tensor, mask: Tensor) -> Tensor:
        """uint8 or float 0..255 [B, T, 3, px, px], RGB; mask bool [B, T], true frames first -> logits [B, 2]."""
        return self.decide(self.over_time(self.states(clips, mask), mask))

    def states(self, clips: Tensor, mask: Tensor) -> Tensor:
        """As `forward`, but the hidden states [B, T, H]; the trunk, and its batch statistics, never see padding."""
        there = self.features(clips[mask])
        features = torch.zeros(mask.shape + there.shape[-1:], dtype=there.dtype, device=there.device)
        features[mask] = there
        return self.recur(features)


def fake_logit(logits: Tensor) -> Tensor:
    """[..., 2] -> z_fake - z_real [...]: its sigmoid is the softmax's share of fake."""
    return logits[..., 1] - logits[..., 0]


def load_trunk(detector: Detector, weights: ResolvedWeights) -> None:
    """ImageNet weights into the trunk; the classifier's layer is left out. Raises WeightsUnfit."""
    build, _, _ = TRUNKS[detector.config.trunk]
    network = build(weights=None)
    try:
        state = torch.load(weights.path, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError, EOFError, OSError, pickle.UnpicklingError) as error:
        first = str(error).splitlines()[0]
        raise WeightsUnfit(f"{weights.path} does not hold a {detector.config.trunk}: {first}") from None
    if detector.config.trunk == "mobilenet_v2":
        detector.trunk.load_state_dict(network.features.state_dict())
    else:
        parts = [part for name, part in network.named_children() if name not in ("avgpool", "fc")]
        detector.trunk.load_state_dict(nn.Sequential(*parts).state_dict())


def parameters_in_millions(module: nn.Module) -> float:
    """For logs and cards."""
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6
