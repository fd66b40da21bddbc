"""Where people differ from the model, and from each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fakelake.review.service.reader import LakeReader

SHOWN = 200

# The same question as the cookbook's, over the table that the desk keeps.
WITH_MODEL = f"""
SELECT video_id, name, decided, decided_by, band, p_fake, worst_second FROM desk
WHERE decided_on = video_id
    AND (decided = 'fake' AND band = 'authentic' OR decided = 'real' AND band IN ('fake', 'suspicious'))
ORDER BY abs(p_fake - (decided = 'fake')::INTEGER) DESC, video_id LIMIT {SHOWN}
"""
# A person's latest word on a video, against other people's and lists'.
BETWEEN_PEOPLE = f"""
WITH words AS (
    SELECT video_id, labelled_by, origin, arg_max(label, labelled_at) AS label FROM labels
    WHERE origin <> 'generator' GROUP BY ALL
)
SELECT w.video_id, any_value(d.name) AS name, any_value(d.band) AS band, any_value(d.p_fake) AS p_fake,
       string_agg(
           CASE w.label WHEN 'real' THEN 'authentic' ELSE w.label END || ' (' || coalesce(labelled_by, origin) || ')',
           ', ' ORDER BY w.label, labelled_by
       ) AS said
FROM words AS w JOIN desk AS d USING (video_id)
GROUP BY w.video_id HAVING count(DISTINCT w.label) > 1 ORDER BY name, w.video_id LIMIT {SHOWN}
"""


def with_model(reader: LakeReader) -> list[dict[str, Any]]:
    """Decided otherwise than the model calls it, the largest difference first."""
    return reader.rows(WITH_MODEL)


def between_people(reader: LakeReader) -> list[dict[str, Any]]:
    """Videos on which people, or people and lists, say different things."""
    return reader.rows(BETWEEN_PEOPLE)


def names_of(reader: LakeReader, video_ids: Iterable[str]) -> dict[str, str]:
    """video_id -> name; videos that the lake no longer has are left out."""
    rows = reader.rows(
        "SELECT video_id, name FROM desk WHERE list_contains($ids, video_id)", {"ids": sorted(set(video_ids))}
    )
    return {row["video_id"]: row["name"] for row in rows}
