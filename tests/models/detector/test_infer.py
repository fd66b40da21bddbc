"""Scores are those of the network itself, in any company; bundles and heat maps are of the same network."""

import json

import numpy as np
import pytest
import torch

from fakelake.models.bundle import STATE, BundleUnfit
from fakelake.models.detector.bundle import BundleConfig, read_bundle, write_bundle
from fakelake.models.detector.clips import padded
from fakelake.models.detector.gradcam import heat_maps, overlay
from fakelake.models.detector.infer import score_clips
from fakelake.models.detector.network import Detector, DetectorConfig, fake_logit
from tests.models.detector.pictures import made_clip

NETWORK = DetectorConfig(trunk="mobilenet_v2", hidden=32, frames=6, px=64)
CONFIG = BundleConfig(network=NETWORK, recipe_id="r" * 16, crop_margin=0.0, trained={"recipe": "test"})


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(2)
    network = Detector(NETWORK).train()
    clips, mask = padded([made_clip(n) for n in range(4)], 6)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = None
    with torch.no_grad():
        network(clips, mask)
    return network.eval()


def test_scores_are_what_the_network_says_of_each_clip_alone(detector):
    clips = [made_clip(n, frames=length) for n, length in enumerate((6, 2, 6, 4, 1))]
    scores = score_clips(detector, clips, batch=5)
    for clip, score in zip(clips, scores, strict=True):
        with torch.no_grad():
            alone = fake_logit(detector(*padded([clip], len(clip))))
        assert score.logit == pytest.approx(float(alone), abs=1e-4)
        assert len(score.frame_logits) == len(clip)


def test_the_last_frame_s_logit_has_seen_the_frames_before_it(detector):
    clip = made_clip(1)
    (whole,), (last,) = score_clips(detector, [clip]), score_clips(detector, [clip[-1:]])
    assert whole.frame_logits[-1] != pytest.approx(float(last.frame_logits[0]), abs=1e-6)
    (first,) = score_clips(detector, [clip[:1]])
    assert whole.frame_logits[0] == pytest.approx(float(first.frame_logits[0]), abs=1e-4)


def test_a_model_in_training_mode_is_not_scored_with(detector):
    with pytest.raises(RuntimeError, match="eval"):
        score_clips(Detector(NETWORK).train(), [made_clip(1)])


def test_no_clips_give_no_scores(detector):
    assert score_clips(detector, []) == []


def test_a_bundle_gives_the_same_model_back_and_its_export_agrees(detector, tmp_path):
    assert write_bundle(tmp_path, detector, CONFIG, "# card") < 1e-3
    again, config = read_bundle(tmp_path)
    assert config == CONFIG
    clip = made_clip(3)
    assert score_clips(again, [clip])[0].logit == pytest.approx(score_clips(detector, [clip])[0].logit, abs=1e-5)
    script = torch.jit.load(str(tmp_path / "model.ts"))
    with torch.no_grad():
        assert float(script(*padded([clip[:4]], 6))) == pytest.approx(
            score_clips(detector, [clip[:4]])[0].logit, abs=1e-3
        )


@pytest.mark.parametrize("harm", ["cut", "gone", "other"])
def test_a_damaged_bundle_is_named(detector, tmp_path, harm):
    write_bundle(tmp_path, detector, CONFIG, "# card")
    state = tmp_path / STATE
    if harm == "cut":
        state.write_bytes(state.read_bytes()[:5000])
    elif harm == "gone":
        state.unlink()
    else:
        config = json.loads((tmp_path / "config.json").read_text())
        config["network"]["hidden"] = 64
        (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(BundleUnfit, match=str(tmp_path)):
        read_bundle(tmp_path)


def test_heat_lies_where_the_decision_was_made(detector):
    clip = made_clip(5)
    heat = heat_maps(detector, clip)
    assert heat.shape == (6, 64, 64) and heat.min() >= 0 and heat.max() <= 1
    assert not torch.is_grad_enabled() or all(p.grad is None for p in detector.parameters())


def test_heat_follows_the_frame_that_the_logit_hangs_on():
    """A head that looks at one channel, and a picture that drives that channel in one frame only."""
    torch.manual_seed(0)
    network = Detector(DetectorConfig(trunk="mobilenet_v2", temporal="mean", px=64)).eval()
    clip = np.repeat(made_clip(1, frames=1), 3, 0)
    with torch.no_grad():
        maps = network.maps(torch.from_numpy(clip.transpose(0, 3, 1, 2).copy()))
        channel = int(maps[0].mean((1, 2)).argmax())
        network.head.weight.zero_()
        network.head.weight[1, channel] = 1.0
    heat = heat_maps(network, clip)
    wanted = maps[0, channel].clamp_min(0)
    place = np.unravel_index(heat[0].argmax(), heat[0].shape)
    cell = np.unravel_index(int(wanted.argmax()), wanted.shape)
    assert [int(p) // 32 for p in place] == list(map(int, cell))


def test_cold_places_of_an_overlay_are_left_as_they_were():
    frame = made_clip(1)[0]
    heat = np.zeros((64, 64), np.float32)
    heat[:8, :8] = 1
    shown = overlay(frame, heat)
    assert (shown[8:, 8:] == frame[8:, 8:]).all() and (shown[:8, :8] != frame[:8, :8]).any()
