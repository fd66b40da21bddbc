"""How long it lately took from an upload to its verdict, for those who wait for one."""

from __future__ import annotations

from statistics import median

from fakelake.review.desk.models import Upload
from fakelake.review.service.reader import reader

LAST = 20  # uploads that are asked; of a lake that has grown, the earlier ones tell little


def usual_s() -> float | None:
    """Seconds, the median; None where none of the last uploads was scored. Raises LakeBusyNow.

    A video's first score counts: a later model may have scored it again since.
    """
    last = Upload.objects.exclude(came_by="path").order_by("-at").values_list("video_id", "at")[:LAST]
    came = {video_id: at.timestamp() for video_id, at in last}  # of a video given twice: when it came first
    if not came:
        return None
    rows = reader().rows(
        "SELECT video_id, epoch(min(scored_at)) AS scored_s FROM scores "
        "WHERE video_id IN (SELECT unnest($1::VARCHAR[])) GROUP BY video_id",
        [list(came)],
    )
    took = [row["scored_s"] - came[row["video_id"]] for row in rows if row["scored_s"] > came[row["video_id"]]]
    return median(took) if took else None
