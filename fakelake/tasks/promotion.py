"""The gate: is the challenger better than the champion on the frozen test, and does the interval show it?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fakelake.models.detector.bundle import BundleUnfit
from fakelake.models.detector.metrics import Difference, paired_difference
from fakelake.tasks.judge import Judged, judge, needs_blends
from fakelake.tasks.model_files import read_model
from fakelake.tasks.train_detector import video_scores
from fakelake.tasks.training_plan import TrainingPlan
from fakelake.tasks.training_set import VideoClips

METRIC = "auc"


class NotComparable(Exception):
    """The two models cannot be judged on the same clips; the text says why."""


def compare(plan: TrainingPlan, challenger: Judged, champion: Path) -> Difference:
    """AUC of the challenger less the champion's on the challenger's test part, paired by identity.

    Both see the same videos; each is read as `mean` of its windows, as its own calibration does not change the order
    by much and must not decide. Raises NotComparable.
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
    other = judge(detector, test, blended=needs_blends(test))
    return difference(challenger, other)


def difference(one: Judged, other: Judged) -> Difference:
    """Of the videos that both scored."""
    labels, p_one, identities = video_scores(one, None)
    labels_other, p_other, _ = video_scores(other, None)
    if not np.array_equal(labels, labels_other):
        raise NotComparable("the two models did not score the same videos")
    return paired_difference(labels, p_one, p_other, identities, METRIC)
