"""The network: what it is made of, and that time and padding mean what they should."""

import pytest
import torch

from fakelake.models.detector.network import (
    Detector,
    DetectorConfig,
    fake_logit,
    load_trunk,
    parameters_in_millions,
)
from fakelake.models.weights import ResolvedWeights, WeightsUnfit

SMALL = DetectorConfig(trunk="mobilenet_v2", hidden=32, frames=6, px=64)


def clips(batch, frames, px=64, seed=0):
    return torch.randint(0, 256, (batch, frames, 3, px, px), generator=torch.Generator().manual_seed(seed)).byte()


def everything(batch, frames):
    return torch.ones(batch, frames, dtype=torch.bool)


@pytest.fixture
def detector():
    torch.manual_seed(1)
    network = Detector(SMALL).train()
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = None  # so that one look at some pictures sets the statistics
    with torch.no_grad():  # without them, a random trunk says nearly nothing
        network(clips(4, 6, seed=3), everything(4, 6))
    return network.eval()


def test_the_reported_network_has_the_reported_parts():
    network = Detector(DetectorConfig())
    assert parameters_in_millions(network.trunk) == pytest.approx(22.98, abs=0.01)
    assert parameters_in_millions(network.lstm) == pytest.approx((4 * 2048 * (2048 + 2048) + 2 * 4 * 2048) / 1e6)
    assert (network.lstm.num_layers, network.lstm.batch_first, network.lstm.bidirectional) == (1, True, False)
    assert network.dropout.p == 0.4 and network.head.in_features == 2048 and network.head.out_features == 2


@pytest.mark.parametrize("trunk", ["resnext50", "mobilenet_v2"])
@pytest.mark.parametrize("temporal", ["lstm", "mean"])
def test_every_choice_of_trunk_and_time_gives_two_logits_a_clip(trunk, temporal):
    network = Detector(DetectorConfig(trunk=trunk, temporal=temporal, hidden=16)).eval()
    with torch.inference_mode():
        assert network(clips(2, 3), everything(2, 3)).shape == (2, 2)


@torch.inference_mode()
def test_a_score_does_not_depend_on_the_rest_of_the_batch(detector):
    three = clips(3, 6)
    together = detector(three, everything(3, 6))
    alone = torch.cat([detector(three[i : i + 1], everything(1, 6)) for i in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_a_score_does_not_depend_on_padding(detector):
    short = clips(1, 4)
    padded = torch.cat([short, clips(1, 2, seed=9)], 1)  # what stands in the padding is noise, not zeros
    mask = torch.tensor([[True] * 4 + [False] * 2])
    torch.testing.assert_close(detector(padded, mask), detector(short, everything(1, 4)), atol=1e-5, rtol=1e-5)


def test_padding_leaves_the_batch_statistics_of_training_alone():
    torch.manual_seed(1)
    one, other = Detector(SMALL).train(), Detector(SMALL).train()
    other.load_state_dict(one.state_dict())
    short = clips(2, 4)
    mask = torch.tensor([[True] * 4 + [False] * 2] * 2)
    one(torch.cat([short, clips(2, 2, seed=9)], 1), mask)
    other(short, everything(2, 4))
    means = [dict(network.named_buffers())["trunk.1.conv.0.1.running_mean"] for network in (one, other)]
    torch.testing.assert_close(*means)


@torch.inference_mode()
def test_time_runs_over_the_frames_and_not_over_the_batch(detector):
    two = clips(2, 6)
    changed = two.clone()
    changed[0] = clips(1, 6, seed=5)[0]
    before, after = detector(two, everything(2, 6)), detector(changed, everything(2, 6))
    assert not torch.allclose(before[0], after[0], atol=1e-4)
    torch.testing.assert_close(before[1], after[1], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_the_order_of_frames_matters_to_the_lstm_and_not_to_the_mean(detector):
    clip = clips(1, 6)
    turned = clip.flip(1)
    mean = Detector(DetectorConfig(trunk="mobilenet_v2", temporal="mean", px=64)).eval()
    mask = everything(1, 6)
    assert not torch.allclose(detector(clip, mask), detector(turned, mask), atol=1e-6)
    torch.testing.assert_close(mean(clip, mask), mean(turned, mask), atol=1e-5, rtol=1e-5)


def test_the_logit_of_fake_gives_the_share_that_a_softmax_gives():
    logits = torch.tensor([[0.3, 1.7], [2.0, -1.0]])
    torch.testing.assert_close(torch.sigmoid(fake_logit(logits)), logits.softmax(1)[:, 1])


def test_weights_of_another_network_are_refused_by_name(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"features.0.0.weight": torch.zeros(3)}, path)
    with pytest.raises(WeightsUnfit, match=r"other\.pth does not hold a mobilenet_v2"):
        load_trunk(Detector(SMALL), ResolvedWeights("x", path, "0", "test"))


def test_a_config_survives_the_way_through_a_file():
    assert DetectorConfig.from_json(SMALL.to_json()) == SMALL


def test_a_network_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no such network"):
        DetectorConfig(trunk="vgg")
