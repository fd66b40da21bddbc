"""One epoch of a training as batches, from any step on, by any number of processes."""

from __future__ import annotations

from torch.utils.data import DataLoader, Dataset, Sampler

from fakelake.models.share import ALONE, Share


class EpochOrder(Sampler):
    """Batches of (epoch, i), from a given step on; of each batch, this process' share. Raises ValueError."""

    def __init__(self, items: int, items_a_batch: int, epoch: int, first_step: int = 0, share: Share = ALONE) -> None:
        self.items, self.size = share.of_items(items, items_a_batch), items_a_batch
        self.epoch, self.first, self.share = epoch, first_step, share

    def __iter__(self):
        for start in range(self.first * self.size, self.items, self.size):
            whole = range(start, min(start + self.size, self.items))
            yield [(self.epoch, i) for i in whole[self.share.rank :: self.share.world]]

    def __len__(self) -> int:
        return max(0, -(-self.items // self.size) - self.first)


def epoch_loader(
    dataset: Dataset, items_a_batch: int, epoch: int, first_step: int, workers: int, share: Share = ALONE, collate=None
) -> DataLoader:
    """Batches of a dataset whose items are asked for by (epoch, i).

    workers: processes that read ahead; 0 reads in this one. They are spawned, as Arrow's threads do not survive a fork.
    """
    order = EpochOrder(len(dataset), items_a_batch, epoch, first_step, share)
    apart = {"multiprocessing_context": "spawn", "prefetch_factor": 4} if workers else {}
    return DataLoader(dataset, batch_sampler=order, collate_fn=collate, num_workers=workers, **apart)
