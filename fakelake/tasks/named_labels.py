"""Labels and permissions said at the ingest itself: by `--label`, `--permission`, or columns of a manifest."""

from __future__ import annotations

from datetime import UTC, datetime

from fakelake.catalog.lake import Lake
from fakelake.catalog.lock import lake_lock
from fakelake.catalog.publish import publish_locked
from fakelake.tasks.discover import Discovery, ManifestRow


def record_named_labels(lake: Lake, found: Discovery, label: str | None, permission: str | None, by: str) -> int:
    """Append what was said of the videos that are in the lake by now and not on record. Returns the rows added.

    Raises ValueError for a label that is neither real nor fake.
    """
    said = {s.uri: _merged(found.manifest.get(s.uri, ManifestRow()), label, permission) for s in found.sources}
    for uri, row in said.items():
        if row.label not in (None, "real", "fake"):
            raise ValueError(f"The manifest labels {uri} {row.label!r}: a label is real or fake.")
    said = {uri: row for uri, row in said.items() if row.label or row.permission}
    if not said:
        return 0
    with lake_lock(lake.location) as held:
        sources = lake.read("sources", ["uri", "video_id"]).to_pylist()
        present = set(lake.read("videos", ["video_id"]).column(0).to_pylist())
        rows = {(s["video_id"], said[s["uri"]]) for s in sources if s["uri"] in said and s["video_id"] in present}
        labels, consents = _news(lake, sorted(rows, key=str), by)
        for name, new in (("labels", labels), ("consents", consents)):
            lake.commit_part(lake.write_rows(name, new), held)
        if labels or consents:
            publish_locked(lake, held)
    return len(labels) + len(consents)


def _merged(row: ManifestRow, label: str | None, permission: str | None) -> ManifestRow:
    return ManifestRow(
        label=(row.label or label or "").lower() or None, identity=row.identity, permission=row.permission or permission
    )


def _news(lake: Lake, rows: list[tuple[str, ManifestRow]], by: str) -> tuple[list[dict], list[dict]]:
    """Rows that say more than is on record: a label without an identity does not blank the one that is known."""
    now = datetime.now(UTC)
    labelled: set[tuple[str, str, str | None]] = set()
    for r in lake.read("labels", ["video_id", "label", "target_identity"]).to_pylist():
        labelled |= {(r["video_id"], r["label"], known) for known in (r["target_identity"], None)}
    permitted = {
        (r["video_id"], r["permission"]) for r in lake.read("consents", ["video_id", "permission"]).to_pylist()
    }
    labels = [
        {"video_id": video, "label": row.label, "target_identity": row.identity, "origin": "dataset",
         "labelled_by": by, "labelled_at": now}
        for video, row in rows if row.label and (video, row.label, row.identity) not in labelled
    ]  # fmt: skip
    consents = [
        {"video_id": video, "permission": row.permission, "source": by, "by": by, "at": now}
        for video, row in rows if row.permission and (video, row.permission) not in permitted
    ]  # fmt: skip
    return labels, consents
