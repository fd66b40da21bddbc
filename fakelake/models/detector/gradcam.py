"""Grad-CAM of the decision: where in each frame the clip's own logit grows.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017. The
gradient goes from the clip's logit back through pooling and LSTM to the trunk's last maps: it is the heat of the
decision, not of a frame that no one asked about.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from fakelake.models.detector.network import Detector, fake_logit


def heat_maps(detector: Detector, clip: np.ndarray) -> np.ndarray:
    """uint8 [T, px, px, 3] RGB -> float32 [T, px, px], 0 to 1 over the whole clip; all 0 if nothing says fake."""
    if detector.training:
        raise RuntimeError("call detector.eval() first")
    frames, height, width = clip.shape[:3]
    crops = torch.from_numpy(np.ascontiguousarray(clip.transpose(0, 3, 1, 2))).to(detector.mean.device)
    with torch.enable_grad():
        maps = detector.maps(crops).float().detach().requires_grad_()
        features = detector.pool(maps).flatten(1).unsqueeze(0)
        everything = torch.ones(1, frames, dtype=torch.bool, device=maps.device)
        # cuDNN's LSTM has no backward pass in evaluation mode.
        with torch.backends.cudnn.flags(enabled=False):
            logit = fake_logit(detector.decide(detector.over_time(detector.recur(features), everything)))
            (gradient,) = torch.autograd.grad(logit.sum(), maps)
    weights = gradient.mean((2, 3), keepdim=True)  # eq. 1
    heat = F.relu((weights * maps).sum(1, keepdim=True))  # eq. 2
    heat = F.interpolate(heat, (height, width), mode="bilinear", align_corners=False)[:, 0].detach()
    return (heat / heat.max().clamp_min(1e-12)).cpu().numpy()


def overlay(frame: np.ndarray, heat: np.ndarray, strength: float = 0.5) -> np.ndarray:
    """Heat [H, W] of 0 to 1 over a frame uint8 [H, W, 3] RGB: red is hot, cold is left as it was."""
    import cv2

    coloured = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_JET)[..., ::-1]
    share = strength * heat[..., None]
    return np.clip(frame * (1 - share) + coloured * share, 0, 255).astype(np.uint8)
