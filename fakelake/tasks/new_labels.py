"""Whether enough new labels are there to train again: today's labels against those that the last training knew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow.compute as pc

from fakelake.catalog.lake import Lake
from fakelake.catalog.training_swaps import DATASET

CLASSES = ("real", "fake")
LEAST = 10  # new labels, under which a share of a small lake starts nothing
TRAINING = "train_detector"

# A generator's own label says nothing that a person did not say before.
COUNT = f"""
SELECT label, count(*) FROM current_labels
WHERE label IN ('real', 'fake') AND origin <> 'generator'
  AND video_id IN (SELECT video_id FROM videos WHERE status = 'ready' AND coalesce(dataset, '') <> '{DATASET}')
GROUP BY label
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLabels:
    """watermark: the training that counts as the last, by its run_id; "none" before the first.

    known, now: videos by class, as that training knew them and as they are labelled today
    """

    watermark: str
    known: Mapping[str, int]
    now: Mapping[str, int]

    @property
    def new(self) -> dict[str, int]:
        """By class. A label that a person corrected is new to the class that gained it."""
        return {name: max(0, self.now.get(name, 0) - self.known.get(name, 0)) for name in CLASSES}

    def due(self, enough: int, share: float) -> str:
        """Why a training is due, in words; empty where it is not."""
        for name, new in self.new.items():
            known = self.known.get(name, 0)
            if new >= enough:
                return f"{new} new labels {name}, at least {enough} were wanted"
            if known and new >= LEAST and new >= share * known:
                return f"{new} new labels {name} beside {known}, at least a share of {share:g} was wanted"
        return ""


def labels_by_class(lake: Lake) -> dict[str, int]:
    """Videos with a face, by their label of today, as people and lists gave it."""
    with lake.connect() as connection:
        return dict(connection.execute(COUNT).fetchall())


def new_labels(lake: Lake) -> NewLabels:
    """Against the training of this lake that began last. One of an older program, which kept no count, knew none."""
    rows = lake.read("runs", ["run_id", "started_at", "summary"], pc.field("flow") == TRAINING).to_pylist()
    last = max(rows, key=lambda row: row["started_at"], default=None)
    known = json.loads(last["summary"]).get("labels", {}) if last else {}
    return NewLabels(watermark=last["run_id"] if last else "none", known=known, now=labels_by_class(lake))
