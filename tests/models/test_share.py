"""Several processes that train one detector: each its share of every batch, one network at the end."""

import dataclasses
import hashlib

import pytest
import torch
from torch import distributed, multiprocessing

from fakelake.models.detector.network import Detector
from fakelake.models.detector.train import train
from fakelake.models.epoch import EpochOrder
from fakelake.models.share import ALONE, Share
from tests.models.detector.pictures import MadeVideos
from tests.models.detector.test_train import RECIPE, held_out


@pytest.mark.parametrize("step", [0, 1])
def test_the_shares_of_an_epoch_are_the_whole_epoch(step):
    whole = [set(batch) for batch in EpochOrder(12, 4, epoch=3, first_step=step)]
    parts = [list(EpochOrder(12, 4, 3, step, Share(rank, 2))) for rank in (0, 1)]
    assert [{*a, *b} for a, b in zip(*parts, strict=True)] == whole
    assert all(len(a) == len(b) == 2 for a, b in zip(*parts, strict=True))


def test_a_batch_that_cannot_be_shared_equally_is_left_out():
    assert [len(batch) for batch in EpochOrder(7, 4, 0, 0, Share(1, 2))] == [2, 1]
    assert [len(batch) for batch in EpochOrder(7, 4, 0, 0, ALONE)] == [4, 3]


def test_workers_that_cannot_share_a_batch_are_told_how_many_can():
    with pytest.raises(ValueError, match="Set batch to a multiple of 3"):
        EpochOrder(12, 4, 0, 0, Share(0, 3))


def test_two_processes_train_one_network_and_the_first_tells(tmp_path):
    multiprocessing.spawn(_train, (tmp_path,), nprocs=2)
    (first, told), (second, silent) = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert first == second, "both have the best network"
    assert (told, silent) == ([0, 1], [])
    alone = Detector(RECIPE.network)
    train(alone, MadeVideos([0, 1] * 2), held_out(), RECIPE, 0.0, tmp_path / "together")
    assert _digest(alone) == first, "what they leave is a finished training, which one process takes up"


def _train(rank, directory):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{directory}/meeting", rank=rank, world_size=2)
    torch.manual_seed(rank)  # whatever they start from, it is the first one's
    detector, told = Detector(dataclasses.replace(RECIPE.network)), []
    train(
        detector, MadeVideos([0, 1] * 2), held_out(), RECIPE, 0.0, directory / "together",
        on_epoch=lambda epoch: told.append(epoch.epoch),
    )  # fmt: skip
    torch.save((_digest(detector), told), directory / f"{rank}.pt")
    distributed.destroy_process_group()


def _digest(detector):
    state = detector.state_dict()
    return hashlib.sha256(b"".join(value.numpy().tobytes() for value in state.values())).hexdigest()
