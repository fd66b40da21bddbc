"""The gate: is the challenger better than the champion on the frozen test, and does the interval show it?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from fakelake.catalog.lake import Lake
from fakelake.catalog.splits import read_split
from fakelake.models.bundle import BundleUnfit
from fakelake.models.detector.metrics import ENOUGH_IDENTITIES, Difference, paired_difference
from fakelake.tasks.evaluate import Windows
from fakelake.tasks.judge import Judged, judge, needs_blends
from fakelake.tasks.model_files import read_model
from fakelake.tasks.near_duplicates import BITS
from fakelake.tasks.split import connected_components
from fakelake.tasks.split_lake import labelled_videos
from fakelake.tasks.train_detector import video_scores
from fakelake.tasks.training_plan import TrainingPlan
from fakelake.tasks.training_set import BLEND, VideoClips

__all__ = ["ENOUGH_IDENTITIES", "METRIC", "Compared", "NotComparable", "compare", "difference", "seen_people"]
METRIC = "auc"


class NotComparable(Exception):
    """The two models cannot be judged on the same clips; the text says why."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Of the whole test part. Where it grew since the champion was trained: of its frozen and of its newest videos."""

    whole: Difference
    frozen: Difference | None = None
    newest: Difference | None = None

    @property
    def better(self) -> bool:
        """On the whole by its interval; and what the champion was judged by must not show it to be worse."""
        worse_on_frozen = self.frozen is not None and self.frozen.high is not None and self.frozen.high < 0
        return self.whole.a_is_better and not worse_on_frozen

    def as_text(self) -> str:
        parts = (("of these the frozen ones", self.frozen), ("the newest", self.newest))
        return "; ".join([self.whole.as_text(), *(f"{name}: {found.as_text()}" for name, found in parts if found)])


def compare(lake: Lake, plan: TrainingPlan, challenger: Judged, champion: Path) -> Compared:
    """AUC of the challenger less the champion's on the challenger's test part, paired by identity.

    Both see the same videos, less those of people from whom the champion learnt: under another split it remembers
    them. Each is read as `mean` of its windows, as its own calibration does not change the order by much and must not
    decide. Raises NotComparable.
    """
    try:
        detector, config = read_model(champion)
    except BundleUnfit as error:
        raise NotComparable(f"the champion cannot be asked: {error}") from None
    if config.crop_margin != plan.margin or config.network.px != plan.recipe.network.px:
        raise NotComparable(
            f"the champion looks at crops of {config.network.px} px with a margin of {config.crop_margin:g}, the "
            f"challenger at {plan.recipe.network.px} px with {plan.margin:g}"
        )
    test: VideoClips = plan.parts["test"]
    split_id = config.trained.get("split_id")
    known = seen_people(lake, plan, str(split_id)) if split_id != plan.split_id else frozenset()
    other = judge(detector, test, blended=needs_blends(test))
    try:
        whole = difference(challenger, other, known)
        if split_id == plan.split_id:
            return Compared(whole)
        before = {video for video, part in read_split(lake, str(split_id))[0].items() if part == "test"}
        newest = {video.video_id for video in test.videos} - before
        if not before or not newest:
            return Compared(whole)
        sides = [[_only(judged, videos) for judged in (challenger, other)] for videos in (before, newest)]
        return Compared(whole, *(difference(*side, known, few=True) for side in sides))
    except NotComparable as error:
        if not known:
            raise
        raise NotComparable(
            f"{error}; the champion learnt from {len(known)} of the test part's people. Train on its own split: "
            f"fakelake train detector --split {split_id}"
        ) from None


def seen_people(lake: Lake, plan: TrainingPlan, split_id: str) -> frozenset[str]:
    """Groups of the plan's test part from whom, as the labels say today, a training on that split learnt.

    Raises NotComparable.
    """
    part, _ = read_split(lake, split_id)
    if not part:
        raise NotComparable(
            f"the lake does not have the champion's split {split_id}, so nobody can say whom it learnt from"
        )
    found = labelled_videos(lake, near_bits=BITS)
    learnt = {video for video, name in part.items() if name != "test"}
    test = {video.video_id: video.group for video in plan.parts["test"].videos}
    seen: set[str] = set()
    for component in connected_components(found.videos, found.pairs):
        if learnt.intersection(component.videos):
            seen |= {test[video] for video in component.videos if video in test}
    return frozenset(seen)


def difference(one: Judged, other: Judged, known: Collection[str] = (), *, few: bool = False) -> Difference:
    """Of the videos that both scored; `known`: groups that are left out; `few`: however few are left.

    Raises NotComparable.
    """
    labels, p_one, identities = video_scores(one, None)
    labels_other, p_other, _ = video_scores(other, None)
    if not np.array_equal(labels, labels_other):
        raise NotComparable("the two models did not score the same videos")
    new = np.array([identity not in known for identity in identities], bool)
    if len(people := {i for i, n in zip(identities, new, strict=True) if n}) < ENOUGH_IDENTITIES and known and not few:
        raise NotComparable(f"only {len(people)} people are left to compare on")
    return paired_difference(labels[new], p_one[new], p_other[new], np.array(identities)[new].tolist(), METRIC)


def _only(judged: Judged, video_ids: Collection[str]) -> Judged:
    """The same of these videos, and of blends of them."""
    mine = [str(video_id).removeprefix(BLEND) in video_ids for video_id in judged.windows.video_ids]
    windows = Windows(*(getattr(judged.windows, each.name)[np.array(mine, bool)] for each in fields(Windows)))
    return Judged(tuple(v for v in judged.videos if v.video_id.removeprefix(BLEND) in video_ids), windows)
