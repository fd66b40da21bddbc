"""A function in several processes of one process group, on Ray."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from fakelake.infra.ray_train import WorkersFailed, train_on_workers


@dataclass
class Job:
    """What each worker is given."""

    directory: Path


def together(job: Job, device: str) -> None:
    """Each worker adds one more than its rank to a sum that all see, and writes it down; then the second one fails."""
    import torch
    from torch import distributed

    total = torch.tensor([distributed.get_rank() + 1.0], device=device)
    distributed.all_reduce(total)
    (job.directory / str(distributed.get_rank())).write_text(f"{total.item()} on {device}")
    if distributed.get_rank() == 1:
        raise RuntimeError("the third crop is no picture")


def test_workers_are_one_process_group_and_an_error_of_one_is_told(ray_address, tmp_path, monkeypatch):
    monkeypatch.setattr("fakelake.infra.ray_train.RESTARTS", 0)
    with pytest.raises(WorkersFailed, match="the third crop is no picture"):
        train_on_workers(together, Job(tmp_path), 2, gpu=False, cpus_per_worker=1, directory=tmp_path / "ray")
    assert [(tmp_path / rank).read_text() for rank in "01"] == ["3.0 on cpu"] * 2
