"""A training on several workers: Ray Train starts the processes and their process group, the loop stays plain torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Job = TypeVar("Job")
RESTARTS = 2  # of all workers, after one has died: the loop goes on from its last checkpoint


class WorkersFailed(Exception):
    """The training ended with an error on a worker; the text is that error's."""


def train_on_workers(
    function: Callable[[Job, str], None], job: Job, workers: int, *, gpu: bool, cpus_per_worker: int, directory: Path
) -> None:
    """Run `function(job, device)` in `workers` processes of one `torch.distributed` process group, to its end.

    directory: for Ray Train's own records; as everything that `function` writes, a place that all nodes see
    Needs a joined Ray. Raises WorkersFailed, after RESTARTS.
    """
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    trainer = TorchTrainer(
        _loop,
        train_loop_config={"function": function, "job": job},
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpu, resources_per_worker={"CPU": cpus_per_worker}),
        run_config=RunConfig(
            name="ray", storage_path=str(directory), failure_config=FailureConfig(max_failures=RESTARTS)
        ),
    )
    try:
        trainer.fit()
    except Exception as error:
        raise WorkersFailed(_words(error)) from error


def _loop(config: dict) -> None:
    from ray.train.torch import get_device

    config["function"](config["job"], str(get_device()))


def _words(error: BaseException) -> str:
    failures = getattr(error, "worker_failures", None) or {}
    first = next(iter(failures.values()), error)
    return (str(first).strip().splitlines() or [type(first).__name__])[-1]
