"""This process' share of a training that several do together: data parallel, one gradient.

Who starts the processes also makes the process group (`torch.distributed`, as Ray Train or torchrun do); without one,
the whole training is this process' share, and nothing here costs anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Share:
    """The `rank`-th of `world` equal shares of every batch."""

    rank: int = 0
    world: int = 1

    @classmethod
    def here(cls) -> Share:
        """Of the process group that this process is in."""
        if not (distributed.is_available() and distributed.is_initialized()):
            return cls()
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def leads(self) -> bool:
        """The one that validates, saves and tells."""
        return self.rank == 0

    def wrap(self, network: nn.Module, *, some_unused: bool = False) -> nn.Module:
        """The network with its gradients averaged over all shares, and its batch statistics those of the leader.

        some_unused: there are steps in which not every parameter has a gradient
        """
        return DistributedDataParallel(network, find_unused_parameters=some_unused) if self.world > 1 else network

    def sum(self, values: list[float], device: str) -> list[float]:
        """Each value summed over all shares."""
        if self.world == 1:
            return values
        total = torch.tensor(values, dtype=torch.float64, device=device)
        distributed.all_reduce(total)
        return total.tolist()

    def told(self, value: T) -> T:
        """The leader's value, to all."""
        if self.world == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box)
        return box[0]

    def of_items(self, items: int, items_a_batch: int) -> int:
        """How many items of an epoch are used, so that every batch has equal shares. Raises ValueError."""
        if items_a_batch % self.world or items < self.world:
            raise ValueError(
                f"{self.world} workers cannot share {items} items an epoch in batches of {items_a_batch}. Set batch to "
                f"a multiple of {self.world} (a detector's items are pairs: of {2 * self.world}), or use fewer workers."
            )
        return items - items % self.world


ALONE = Share()
