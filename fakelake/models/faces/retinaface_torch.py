"""RetinaFace in torch: ResNet-50 for a GPU (or a patient CPU), and MobileNet-0.25 for comparison with the ONNX file.

The blocks are retinaface-pytorch's (`retinaface.net`, `retinaface.network`); loading, batching and what
comes before and after the network are ours. Always float32: a recipe's rows must not depend on which
processors know bfloat16.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path

import numpy as np
import torch
from retinaface.net import FPN, SSH, conv_bn, conv_dw
from retinaface.network import BboxHead, ClassHead, LandmarkHead, RetinaFace
from torch import nn
from torchvision.models._utils import IntermediateLayerGetter

from fakelake.models.faces.anchors import detections
from fakelake.models.faces.detector import Detections, check_frames
from fakelake.models.weights import ResolvedWeights, WeightsCorrupt

LEVELS = 3  # strides 8, 16, 32
ANCHORS_A_CELL = 2


class RetinaFaceMobileNet(nn.Module):
    """RetinaFace on MobileNet-0.25. The attributes carry the names of the published state dict."""

    def __init__(self) -> None:
        super().__init__()
        leaky, wide = 0.1, 64
        body = nn.Sequential()
        body.stage1 = nn.Sequential(
            conv_bn(3, 8, 2, leaky=leaky),
            *(conv_dw(*shape) for shape in ((8, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1))),
        )
        body.stage2 = nn.Sequential(conv_dw(64, 128, 2), *(conv_dw(128, 128, 1) for _ in range(5)))
        body.stage3 = nn.Sequential(conv_dw(128, 256, 2), conv_dw(256, 256, 1))
        self.body = IntermediateLayerGetter(body, {"stage1": 1, "stage2": 2, "stage3": 3})
        self.fpn = FPN([64, 128, 256], wide)
        self.ssh1, self.ssh2, self.ssh3 = (SSH(wide, wide) for _ in range(LEVELS))
        self.ClassHead = nn.ModuleList(ClassHead(wide, ANCHORS_A_CELL) for _ in range(LEVELS))
        self.BboxHead = nn.ModuleList(BboxHead(wide, ANCHORS_A_CELL) for _ in range(LEVELS))
        self.LandmarkHead = nn.ModuleList(LandmarkHead(wide, ANCHORS_A_CELL) for _ in range(LEVELS))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """images: float32 [B, 3, H, W]. Returns box offsets [B, A, 4], class logits [B, A, 2], landmarks [B, A, 10]."""
        pyramid = self.fpn(self.body(images))
        levels = [ssh(level) for ssh, level in zip((self.ssh1, self.ssh2, self.ssh3), pyramid, strict=True)]
        boxes, classes, landmarks = (
            torch.cat([head(level) for head, level in zip(heads, levels, strict=True)], dim=1)
            for heads in (self.BboxHead, self.ClassHead, self.LandmarkHead)
        )
        return boxes, classes, landmarks


def retinaface_resnet50() -> RetinaFace:
    """retinaface-pytorch's network, random until a state dict is loaded; the same outputs as RetinaFaceMobileNet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it uses torchvision's old `pretrained` argument
        return RetinaFace(
            name="Resnet50",
            pretrained=False,
            return_layers={"layer2": 1, "layer3": 2, "layer4": 3},
            in_channels=256,
            out_channels=256,
        )


def _imagenet(frames: torch.Tensor) -> torch.Tensor:
    """uint8 [B, 3, H, W] BGR to what the ResNet was trained on: RGB, ImageNet mean and deviation."""
    mean = torch.tensor((0.485, 0.456, 0.406), device=frames.device).view(3, 1, 1)
    std = torch.tensor((0.229, 0.224, 0.225), device=frames.device).view(3, 1, 1)
    return (frames.flip(1).float() / 255 - mean) / std


def _bgr_minus_mean(frames: torch.Tensor) -> torch.Tensor:
    return frames.float() - torch.tensor((104.0, 117.0, 123.0), device=frames.device).view(3, 1, 1)


NETWORKS = {
    "retinaface-resnet50": (retinaface_resnet50, _imagenet),
    "retinaface-mobilenet025-torch": (RetinaFaceMobileNet, _bgr_minus_mean),
}


class TorchRetinaFace:
    """A FaceDetector on a device of torch; on the CPU it sets torch's threads for the whole process."""

    batch_size = 16

    def __init__(
        self, weights: ResolvedWeights, *, threads: int, device: str, min_score: float, nms_iou: float
    ) -> None:
        self.name, self.sha256 = weights.name, weights.sha256
        self._min_score, self._nms_iou = min_score, nms_iou
        torch.set_num_threads(threads)
        if torch.device(device).type == "cuda" and not torch.cuda.is_available():
            raise ValueError(f"device {device!r} was asked for, but torch finds no CUDA device: use device 'cpu'")
        self._device = torch.device(device)
        build, self._normalise = NETWORKS[weights.name]
        network = build()
        try:
            network.load_state_dict(load_state_dict(weights), strict=True)
        except RuntimeError as error:
            raise WeightsCorrupt(
                f"{weights.path} holds the tensors of another network than {weights.name}. "
                f"Replace it by the published file.\n{error}"
            ) from error
        self._network = network.eval().to(self._device)

    def detect(self, frames: np.ndarray) -> list[Detections]:
        check_frames(frames)
        return [
            found
            for start in range(0, len(frames), self.batch_size)
            for found in self._detect_batch(frames[start : start + self.batch_size])
        ]

    @torch.inference_mode()
    def _detect_batch(self, frames: np.ndarray) -> list[Detections]:
        height, width = frames.shape[1:3]
        images = torch.from_numpy(np.ascontiguousarray(frames)).to(self._device).permute(0, 3, 1, 2)
        boxes, classes, landmarks = self._network(self._normalise(images).contiguous())
        scores = classes.softmax(dim=-1)[..., 1]
        boxes, scores, landmarks = (output.cpu().numpy() for output in (boxes, scores, landmarks))
        return detections(boxes, scores, landmarks, height, width, min_score=self._min_score, nms_iou=self._nms_iou)


def load_state_dict(weights: ResolvedWeights) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint, also of one that was zipped or saved from DataParallel. Raises WeightsCorrupt."""
    try:
        state = torch.load(_unzipped(weights.path), map_location="cpu", weights_only=True)
        return {key.removeprefix("module."): tensor for key, tensor in state.items()}
    except Exception as error:  # torch.load raises whatever its unpickler, zip reader or the file system raise
        raise WeightsCorrupt(
            f"{weights.path} cannot be read as a torch state dict for {weights.name} "
            f"({type(error).__name__}: {error}). Replace it by the published file."
        ) from error


def _unzipped(path: Path) -> Path | io.BytesIO:
    """torch.save writes zips of many members; a zip of one member is a checkpoint that somebody zipped."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if len(archive.namelist()) == 1:
                return io.BytesIO(archive.read(archive.namelist()[0]))
    return path
