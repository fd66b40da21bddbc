"""What a split is made of, out of the lake: videos with their current label, their identities, near-duplicates."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from fakelake.catalog.lake import Lake
from fakelake.catalog.training_swaps import DATASET
from fakelake.tasks.near_duplicates import near_duplicates
from fakelake.tasks.split import LabelledVideo

VIDEO_IDENTITY = "video:"  # begins an identity that is the person of one video, whose name nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """videos: with a current label real or fake; left_out: the other videos, by reason; pairs: near-duplicates."""

    videos: tuple[LabelledVideo, ...]
    left_out: Counter[str]
    pairs: tuple[tuple[str, str], ...]


def labelled_videos(lake: Lake, dataset: str | None = None, near_bits: float | None = None) -> Labelled:
    """Videos of the lake, or of one data set. near_bits: see near_duplicates; None leaves the comparison out.

    Identities come from every label row a video ever had, so that a moderator's label, which names nobody, or a
    corrected list does not cut a tie. Videos without a face are in, so that a test's denominator is whole. Training
    swaps are not: they follow the videos that they were made of.
    """
    with lake.connect() as connection:
        rows = connection.execute(
            """
            SELECT video_id, any_value(label), max(phash)
            FROM videos LEFT JOIN current_labels USING (video_id)
            WHERE coalesce(dataset, '') <> $made AND ($dataset IS NULL OR dataset = $dataset)
            GROUP BY video_id ORDER BY video_id
            """,
            {"dataset": dataset, "made": DATASET},
        ).fetchall()
        # Of what is in the lake: a swap that was killed between its label and its file ties nobody to anybody.
        said = connection.execute(
            "SELECT DISTINCT video_id, target_identity, source_identity FROM labels SEMI JOIN videos USING (video_id)"
        ).fetchall()
    identities: dict[str, set[str]] = defaultdict(set)
    for video_id, *names in said:
        identities[video_id] |= {name for name in names if name}
        for name in names:
            if name and name.startswith(VIDEO_IDENTITY):  # said of a video made from it: the two are tied
                identities[name.removeprefix(VIDEO_IDENTITY)].add(name)
    left_out = Counter(label or "no label" for _, label, _ in rows if label not in ("real", "fake"))
    videos = tuple(
        LabelledVideo(video_id=video_id, label=label, identities=frozenset(identities[video_id]))
        for video_id, label, _ in rows
        if label in ("real", "fake")
    )
    chosen = {video.video_id for video in videos}
    hashes = {video_id: phash for video_id, _, phash in rows if phash and video_id in chosen}
    pairs = tuple(near_duplicates(hashes, near_bits)) if near_bits is not None else ()
    return Labelled(videos=videos, left_out=left_out, pairs=pairs)
