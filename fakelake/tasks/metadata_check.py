"""Can labels be told from the container alone? If so, a detector can learn the codec, not the face.

A classifier sees only what `videos` rows say of the file, never a picture, and is tested on identities it has not seen.
It must stay near chance (AUC .5) or the data set is confounded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import StratifiedGroupKFold

from fakelake.models.detector.metrics import LEAST_IDENTITIES, Figure, figures, too_small

NAMES = ("codec", "container")
NUMBERS = ("fps", "width", "height", "duration_s", "has_audio", "bytes_per_s")
COLUMNS = (*NUMBERS, *NAMES)
FOLDS = 5
# The whole interval above this: the labels can be told from the files, not by chance.
NEAR_CHANCE = 0.6
# Fewer videos of a class teach no classifier; each fold must have some to test on.
LEAST_VIDEOS = 10
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class MetadataCheck:
    """auc: out of fold, interval over identities; telling: columns that the classifier leant on, most first."""

    auc: Figure
    telling: tuple[tuple[str, float], ...]
    warning: str | None

    def as_text(self) -> str:
        return f"labels from metadata alone: AUC {self.auc.as_text()}" + (f"\n{self.warning}" if self.warning else "")


def metadata_check(
    rows: Sequence[Mapping[str, object]],
    labels: Sequence[int],
    groups: Sequence[str],
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> MetadataCheck:
    """Cross-validate a metadata-only classifier of fake (1) against authentic (0).

    rows: `videos` rows with codec, container, fps, width, height, duration_s, bytes, has_audio; nulls are allowed
    groups: identity of each row; one identity is never in two folds
    Raises ValueError for lengths that differ and for a row without one of these columns.
    """
    truth, who = np.asarray(labels, int), np.asarray(groups, str)
    if not len(rows) == len(truth) == len(who):
        raise ValueError(f"{len(rows)} rows, {len(truth)} labels and {len(who)} groups must be as many as each other")
    if lacking := _too_few(truth, who):
        return MetadataCheck(lacking, (), None)
    table, columns = features(rows)
    folds = min(FOLDS, *(len(np.unique(who[truth == label])) for label in (0, 1)))
    p, leaning = np.full(len(truth), np.nan), np.zeros(table.shape[1])
    for train, test in StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(table, truth, who):
        if len(np.unique(truth[train])) < 2:
            p[test] = truth[train].mean()
            continue
        model = GradientBoostingClassifier(n_estimators=50, max_depth=2, subsample=0.8, random_state=seed)
        model.fit(table[train], truth[train])
        p[test] = model.predict_proba(table[test])[:, 1]
        leaning += model.feature_importances_ / folds
    auc = figures(truth, p, who.tolist(), seed, resamples).figures.auc
    share = {name: float(leaning[np.array(columns) == name].sum()) for name in COLUMNS}
    telling = tuple(sorted(((n, s) for n, s in share.items() if s > 0), key=lambda pair: -pair[1]))
    return MetadataCheck(auc, telling, _warning(auc, telling))


def features(rows: Sequence[Mapping[str, object]]) -> tuple[np.ndarray, list[str]]:
    """Numbers [N, F] (one column a codec and a container; -1 where a number is missing) and whose column each is."""
    known = {name: sorted({_word(row[name]) for row in rows}) for name in NAMES}
    columns = [*NUMBERS, *(name for name in NAMES for _ in known[name])]
    table = np.array([
        [*_numbers(row), *(float(_word(row[name]) == word) for name in NAMES for word in known[name])] for row in rows
    ])  # fmt: skip
    return table, columns


def _numbers(row: Mapping[str, object]) -> list[float]:
    size, seconds = row["bytes"], row["duration_s"]
    rate = size / seconds if size is not None and seconds else None
    values = (row["fps"], row["width"], row["height"], seconds, row["has_audio"], rate)
    return [-1.0 if value is None or math.isnan(value) else float(value) for value in values]


def _word(value: object) -> str:
    return UNKNOWN if value is None else str(value)


def _too_few(labels: np.ndarray, groups: np.ndarray) -> Figure | None:
    for label, kind in ((0, "authentic"), (1, "fake")):
        mine = labels == label
        if (people := len(np.unique(groups[mine]))) < LEAST_IDENTITIES:
            return too_small(people, LEAST_IDENTITIES, f"{kind} identities")
        if (videos := int(mine.sum())) < LEAST_VIDEOS:
            return too_small(videos, LEAST_VIDEOS, f"{kind} videos")
    return None


def _warning(auc: Figure, telling: Sequence[tuple[str, float]]) -> str | None:
    if auc.low is None or auc.low <= NEAR_CHANCE:
        return None
    most = ", ".join(f"{name} ({share:.0%})" for name, share in telling[:3])
    return (
        f"WARNING: THE FILES GIVE THE LABELS AWAY. Without one look at a picture, a classifier of the metadata reaches "
        f"AUC {auc.as_text()}; it should stay near .5. It leans on {most}. A detector trained on these videos may "
        "learn the encoder and not the fake, and its figures mean little: send real and fake videos through the same "
        "re-encode, or balance these columns between them."
    )
