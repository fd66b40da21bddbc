"""The lists of the desk: the queue, its filters, pages, and what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from urllib.parse import urlencode

from fakelake.review.service.reader import LakeReader

PAGE = 50
BANDS = ("fake", "suspicious", "authentic", "not_applicable", "failed", "waiting")
STATES = {"open": "not decided", "decided": "decided", "": "all"}
ORDERS = {
    "urgent": "place",
    "newest": "ingested_at DESC NULLS LAST, video_id",
    "oldest": "ingested_at NULLS LAST, video_id",
    "name": "lower(name), video_id",
    "least sure": "abs(p_fake - 0.5) NULLS LAST, video_id",
}
_COLUMNS = """video_id, name, dataset, band, p_fake, reason, worst_second, worst_track, duration_s, tracks,
    model_version, ingested_at, scored_at, decided, decided_by, decided_on, label, label_origin, provenance"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list shows. Empty means: everything. The defaults are the queue: fake or suspicious, not yet decided."""

    band: tuple[str, ...] = ("fake", "suspicious")
    dataset: str = ""
    model: str = ""
    since: str = ""
    until: str = ""
    find: str = ""
    state: str = "open"
    order: str = "urgent"

    @classmethod
    def from_query(cls, query: Mapping[str, object]) -> Filters:
        """Of an address; what is no such value is left out. `query` is a QueryDict, or a dict of texts."""
        many = query.getlist if hasattr(query, "getlist") else lambda name: [query[name]] if name in query else []
        if not any(field.name in query for field in fields(cls)):
            return cls()
        texts = {name: str(query.get(name, "")).strip()[:200] for name in ("dataset", "model", "find")}
        days = {name: _day(str(query.get(name, ""))) for name in ("since", "until")}
        state, order = str(query.get("state", "")), str(query.get("order", "urgent"))
        return cls(
            band=tuple(band for band in BANDS if band in many("band")),
            state=state if state in STATES else "",
            order=order if order in ORDERS else "urgent",
            **texts,
            **days,
        )

    def query(self, **changes: object) -> str:
        """As an address, with some of it changed."""
        values = {**asdict(replace(self, **{k: v for k, v in changes.items() if k != "page"}))}
        pairs = [("band", band) for band in values.pop("band")] + [(k, v) for k, v in values.items() if v]
        if not values["state"]:
            pairs.append(("state", ""))  # said, or the defaults would stand
        if "page" in changes:
            pairs.append(("page", changes["page"]))
        return urlencode(pairs)

    def where(self, hidden: Iterable[str] = ()) -> tuple[str, dict[str, object]]:
        """SQL and its parameters. hidden: videos with decisions that are not in the lake yet."""
        said, values = ["true"], {}

        def also(sql: str, **parameters: object) -> None:
            said.append(sql)
            values.update(parameters)

        if self.band:
            also("list_contains($bands, band)", bands=list(self.band))
        if self.dataset:
            also("dataset = $dataset", dataset=self.dataset)
        if self.model:
            also("model_version = $model", model=self.model)
        if self.since:
            also("ingested_at >= $since::DATE", since=self.since)
        if self.until:
            also("ingested_at < $until::DATE + 1", until=self.until)
        if self.find:
            also(
                "(contains(lower(name), lower($find)) OR starts_with(video_id, lower($find)))",
                find=self.find,
            )
        hidden = sorted(set(hidden))
        if self.state == "open":
            also("decided_on IS DISTINCT FROM video_id")
            if hidden:
                also("NOT list_contains($hidden, video_id)", hidden=hidden)
        elif self.state == "decided":
            if hidden:
                also("(decided_on = video_id OR list_contains($hidden, video_id))", hidden=hidden)
            else:
                also("decided_on = video_id")
        return " AND ".join(said), values


@dataclass(frozen=True, slots=True)
class Page:
    """rows: of the table `desk`, as dicts; number counts from 1."""

    rows: list[dict[str, object]]
    total: int
    number: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE))

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE + 1

    @property
    def last(self) -> int:
        return (self.number - 1) * PAGE + len(self.rows)


def list_videos(reader: LakeReader, filters: Filters, number: int = 1, hidden: Iterable[str] = ()) -> Page:
    """A page of the list; a number beyond the last gives the last. Raises LakeBusyNow."""
    where, values = filters.where(hidden)
    [counted] = reader.rows(f"SELECT count(*) AS n FROM desk WHERE {where}", values)
    total = counted["n"]
    number = min(max(1, number), max(1, -(-total // PAGE)))
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM desk WHERE {where} ORDER BY {ORDERS[filters.order]} "
        f"LIMIT {PAGE} OFFSET {(number - 1) * PAGE}",
        values,
    )
    return Page(rows, total, number)


def next_after(
    reader: LakeReader, filters: Filters, video_id: str | None = None, hidden: Iterable[str] = ()
) -> str | None:
    """The video that comes after one in a list, whether that one is still in it or not; at the end the list's first.

    None: the list is empty but for it.
    """
    where, values = filters.where([*hidden, *([video_id] if video_id else [])])
    order = ORDERS[filters.order]
    rows = reader.rows(
        f"""WITH listed AS (SELECT video_id, ({where}) AS stays, row_number() OVER (ORDER BY {order}) AS spot FROM desk)
        SELECT video_id FROM listed WHERE stays AND video_id IS DISTINCT FROM $this
        ORDER BY spot <= coalesce((SELECT spot FROM listed WHERE video_id = $this), 0), spot LIMIT 1""",
        {**values, "this": video_id},
    )
    return rows[0]["video_id"] if rows else None


def choices(reader: LakeReader) -> dict[str, list[str]]:
    """What there is to filter by: data sets, and versions of the model."""
    rows = reader.rows(
        """SELECT 'dataset' AS what, dataset AS value FROM desk WHERE dataset IS NOT NULL GROUP BY ALL
        UNION ALL SELECT 'model', model_version FROM desk WHERE model_version IS NOT NULL GROUP BY ALL ORDER BY ALL"""
    )
    found: dict[str, list[str]] = {"dataset": [], "model": []}
    for row in rows:
        found[row["what"]].append(row["value"])
    return found


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""
