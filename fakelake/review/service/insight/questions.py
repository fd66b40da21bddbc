"""The questions of the insight page. Each is shown as SQL over the lake's views, for everybody to ask again.

The page itself asks the same of the reader's table `desk`, in which the slow part of it, `verdicts`, is done already:
only what stands before the question differs. A test asks both, and the answers are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fakelake.catalog.training_swaps import DATASET

DAYS = 30
_EVERYTHING = f"""WITH came AS (
    SELECT video_id, arg_max(dataset, ingested_at) AS dataset, max(ingested_at) AS ingested_at,
           max(duration_s) AS duration_s
    FROM videos WHERE dataset IS DISTINCT FROM '{DATASET}' GROUP BY video_id
), everything AS (
    SELECT video_id, coalesce(v.dataset, c.dataset) AS dataset, coalesce(v.band, 'waiting') AS band, v.p_fake,
           coalesce(l.origin = 'moderator', false) AS decided, c.ingested_at, c.duration_s
    FROM verdicts AS v FULL JOIN came AS c USING (video_id) LEFT JOIN current_labels AS l USING (video_id)
)
"""
_EVERYTHING_OF_DESK = """WITH everything AS (
    SELECT video_id, dataset, band, p_fake, coalesce(label_origin = 'moderator', false) AS decided, ingested_at,
           duration_s FROM desk
)
"""
_VERDICTS_OF_DESK = "WITH verdicts AS (FROM desk WHERE band <> 'waiting')\n"


@dataclass(frozen=True, slots=True)
class Question:
    """of: what the body asks of. everything: each video, scored or not; verdicts: the view; views: others."""

    body: str
    of: Literal["everything", "verdicts", "views"] = "views"

    @property
    def shown(self) -> str:
        """For people, and the SQL page."""
        return (_EVERYTHING if self.of == "everything" else "") + self.body

    @property
    def asked(self) -> str:
        """For the reader."""
        return {"everything": _EVERYTHING_OF_DESK, "verdicts": _VERDICTS_OF_DESK, "views": ""}[self.of] + self.body


QUESTIONS = {
    "coverage": Question(
        """SELECT coalesce(dataset, '(no name)') AS data_set, count(*) AS videos, count(p_fake) AS scored,
       count(*) FILTER (decided) AS decided,
       count(*) FILTER (NOT decided AND p_fake IS NOT NULL) AS scored_undecided,
       count(*) FILTER (NOT decided AND p_fake IS NULL AND band IN ('fake', 'suspicious')) AS by_marks,
       count(*) FILTER (NOT decided AND p_fake IS NULL AND band = 'not_applicable') AS nothing_to_score,
       count(*) FILTER (NOT decided AND p_fake IS NULL AND band = 'failed') AS failed,
       count(*) FILTER (NOT decided AND band = 'waiting') AS waiting, sum(duration_s) / 3600 AS hours
FROM everything GROUP BY ALL ORDER BY videos DESC, data_set""",
        "everything",
    ),
    # Of two ways to a day in UTC the fast one: AT TIME ZONE asks a calendar for each row.
    "volumes": Question(
        f"""SELECT make_timestamp(epoch_us(ingested_at))::DATE AS day, band, count(*) AS videos,
       coalesce(sum(duration_s), 0) / 3600 AS hours
FROM everything
WHERE day > (SELECT make_timestamp(epoch_us(max(ingested_at)))::DATE FROM everything) - {DAYS}
GROUP BY day, band ORDER BY day, band""",
        "everything",
    ),
    "distribution": Question(
        """SELECT least(floor(p_fake * 20), 19)::INTEGER * 5 AS from_percent, from_percent + 5 AS to_percent, band,
       count(*) AS videos
FROM verdicts WHERE p_fake IS NOT NULL GROUP BY ALL ORDER BY from_percent, band""",
        "verdicts",
    ),
    "thresholds": Question(
        """SELECT model_version, suspicious_at, fake_at, alpha, refused
FROM current_calibrations WHERE is_champion"""
    ),
    "agreement": Question(
        """SELECT decided, band, count(*) AS videos
FROM verdicts WHERE decided_on = video_id GROUP BY ALL ORDER BY decided, band""",
        "verdicts",
    ),
    # Wilson's interval of 95 %, which holds for few labels and for shares near 0 and 1 too.
    "models": Question(
        """SELECT model_version, is_champion, videos AS scored, labelled AS n, tp + tn AS agrees, accuracy,
       (accuracy + 1.9208 / n - 1.96 * sqrt((accuracy * (1 - accuracy) + 0.9604 / n) / n)) / (1 + 3.8416 / n) AS low,
       (accuracy + 1.9208 / n + 1.96 * sqrt((accuracy * (1 - accuracy) + 0.9604 / n) / n)) / (1 + 3.8416 / n) AS high,
       tp, fp, tn, fn, scored_at
FROM model_comparison ORDER BY scored_at DESC, model_version"""
    ),
    "queue": Question(
        """SELECT CASE WHEN days < 1 THEN 'under a day' WHEN days < 3 THEN '1 to 3 days'
            WHEN days < 7 THEN '3 to 7 days' WHEN days < 30 THEN '7 to 30 days'
            WHEN days >= 30 THEN '30 days and more' ELSE 'unknown' END AS waits,
       band, count(*) AS videos, max(days) AS oldest_days
FROM (
    SELECT band, (epoch(now()) - epoch(ingested_at)) / 86400 AS days
    FROM everything WHERE band IN ('fake', 'suspicious') AND NOT decided
)
GROUP BY ALL ORDER BY min(days) NULLS LAST, band""",
        "everything",
    ),
    "drift": Question(
        """SELECT measure, drifted, psi, threshold, ks, ks_threshold, p, reference_n, recent_n, reason, since,
       model_version, current_drift."at" AS compared_at
FROM current_drift ORDER BY drifted DESC NULLS LAST, psi DESC NULLS LAST, measure"""
    ),
    "promotions": Question(
        """SELECT promotions."at" AS decided_at, model, model_version, outcome, replaced, metric, challenger, champion,
       low, high, reason, promotions."by" AS decided_by
FROM promotions ORDER BY decided_at DESC, model, model_version LIMIT 30"""
    ),
    "quarantine": Question("SELECT count(DISTINCT uri) AS files FROM open_quarantine WHERE error <> 'forgotten'"),
}
