"""The panels on videos: how far each data set is, what came in, how the scores lie, what waits for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from fakelake.review.service.insight.charts import Bar, Words, lying_bars, standing_bars
from fakelake.review.service.insight.panel import BANDS, Panel, count, legend, length, percent, wilson
from fakelake.review.service.insight.questions import DAYS

Rows = Sequence[Mapping[str, object]]
STAGES = {
    "decided": "decided by a person", "scored": "scored, nobody has decided", "by_marks": "called by its marks alone",
    "nothing_to_score": "nothing to score: no face, too short", "failed": "failed", "waiting": "waits for its score",
}  # fmt: skip
DATA_SETS = 10  # of more, the smallest become one bar
AGES = ("under a day", "1 to 3 days", "3 to 7 days", "7 to 30 days", "30 days and more", "unknown")
NO_VIDEO = "Nothing is in the lake yet. Upload a video, or put files into the inbox of fakelake up."
NO_CHAMPION = (
    "No scores yet: there is no champion. Train one (fakelake train detector), or promote a version (fakelake promote)."
)
NO_SCORE = "No scores yet. Where fakelake up runs, it scores what comes in; fakelake score does it now."


def figures(coverage: Rows, queue: Rows, agreement: Rows, files: int) -> list[tuple[str, str, str, str]]:
    """(what, number, a word on it, name of the page that has more) at the top of the page."""
    videos, scored, decided = (sum(row[name] for row in coverage) for name in ("videos", "scored", "decided"))
    hours = sum(row["hours"] or 0 for row in coverage)
    waiting = sum(row["videos"] for row in queue)
    found = [
        ("Videos", f"{videos:,}", length(hours), ""),
        ("Scored", percent(scored, videos) if videos else "none", f"{scored:,} of {videos:,}", ""),
        ("Wait for a person", f"{waiting:,}", _oldest(queue) or "nothing waits", "queue"),
        (
            "Decided by people",
            f"{decided:,}",
            percent(decided, videos) + " of the videos" if videos else "",
            "decisions",
        ),
    ]
    agree, n = agreeing(agreement)
    if n:
        low, high = wilson(agree, n)
        found.append(
            ("People and model agree", percent(agree, n), f"of {n:,}; 95 %: {low:.0%} to {high:.0%}", "decisions")
        )
    return [*found, ("In quarantine", f"{files:,}", "files" if files != 1 else "file", "quarantine")]


def agreeing(agreement: Rows) -> tuple[int, int]:
    """How many decisions agree with the band, and how many could: `unsure` and videos without a score cannot."""
    called = {"fake": "fake", "suspicious": "fake", "authentic": "real"}
    could = [row for row in agreement if row["decided"] in ("fake", "real") and row["band"] in called]
    return sum(r["videos"] for r in could if called[r["band"]] == r["decided"]), sum(r["videos"] for r in could)


def coverage(rows: Rows) -> Panel:
    """A bar a data set, the largest first."""
    columns = {"decided": "decided", "scored": "scored_undecided"}
    parts = [(r["data_set"], {kind: r[columns.get(kind, kind)] for kind in STAGES}, r["scored"]) for r in rows]
    if len(parts) > DATA_SETS:
        rest = parts[DATA_SETS - 1 :]
        summed = {kind: sum(each[kind] for _, each, _ in rest) for kind in STAGES}
        parts = [*parts[: DATA_SETS - 1], (f"{len(rest)} smaller ones", summed, sum(scored for *_, scored in rest))]
    bars = [
        Bar(name, each, f"{count(n, 'video')}, {percent(scored, n)} scored")
        for name, each, scored in parts
        if (n := sum(each.values()))
    ]
    videos, scored, decided = (sum(row[name] for row in rows) for name in ("videos", "scored", "decided"))
    title = "How far each data set is"
    text = "; ".join(f"{bar.name}: {bar.says}, {bar.parts['decided']:,} decided" for bar in bars)
    return Panel(
        key="coverage", title=title, rows=rows, legend=legend(STAGES, (bar.parts for bar in bars)),
        lead=f"{scored:,} of {count(videos, 'video')} are scored, {decided:,} decided by a person.",
        plots=[lying_bars(Words(key="coverage", title=title, text=text, unit="videos"), bars)] if bars else [],
        empty="" if bars else NO_VIDEO,
    )  # fmt: skip


def volumes(rows: Rows) -> Panel:
    """A bar a day: videos, and below hours. Days on which nothing came are there, empty."""
    rows = [row for row in rows if row["day"]]
    if not rows:
        return Panel(key="volumes", title="What came in, day by day", empty=NO_VIDEO)
    last = max(row["day"] for row in rows)
    days = [last - timedelta(days=n) for n in reversed(range(DAYS))]
    names = {n + 0.5: f"{day.day} {day:%b}" for n, day in enumerate(days) if (DAYS - 1 - n) % 7 == 0}
    videos, hours = (sum(row[what] for row in rows) for what in ("videos", "hours"))
    return Panel(
        key="volumes", title="What came in, day by day, and what became of it", rows=rows,
        plots=[_by_day(rows, days, names, "videos", 1), _by_day(rows, days, names, *_unit(hours))],
        legend=legend(BANDS, ({row["band"]: row["videos"]} for row in rows)),
        lead=f"{count(videos, 'video')}, {length(hours)} in the {DAYS} days to {last}, the last day on which any came.",
    )  # fmt: skip


def _by_day(rows: Rows, days: Sequence[date], names: Mapping[float, str], unit: str, times: float) -> str:
    """times: what makes hours the unit; 1 for videos."""
    column, form = ("videos", ",.0f") if unit == "videos" else ("hours", ",.2f")
    of: dict[date, dict[str, float]] = defaultdict(dict)
    for row in rows:
        of[row["day"]][row["band"]] = row[column] * times
    bars = [
        Bar(f"{day}", {band: of[day].get(band, 0) for band in BANDS}, f"{sum(of[day].values()):{form}} {unit}")
        for day in days
    ]
    total = sum(sum(bar.parts.values()) for bar in bars)
    most = max(bars, key=lambda bar: sum(bar.parts.values()))
    words = Words(
        key=f"volumes-{column}", title=f"{unit.capitalize()} that came in, a day", unit=unit, across="day (UTC)",
        text=f"{total:{form}} {unit} in {DAYS} days; most on {most.name}: {most.says}.",
    )  # fmt: skip
    return standing_bars(words, bars, names, whole=column == "videos")


def _unit(hours: float) -> tuple[str, float]:
    return ("hours of video", 1) if hours >= 0.9995 else ("minutes of video", 60)


def distribution(rows: Rows, champion: Mapping[str, object] | None) -> Panel:
    """A histogram of p_fake by band, with the champion's thresholds."""
    title = "How the scores lie, and where the champion draws its lines"
    if not rows:
        return Panel(key="distribution", title=title, empty=NO_SCORE if champion else NO_CHAMPION)
    parts: dict[int, dict[str, float]] = {start: {} for start in range(0, 100, 5)}
    for row in rows:
        parts[row["from_percent"]][row["band"]] = row["videos"]
    bars = [
        Bar(f"{start / 100:.2f} to {start / 100 + 0.05:.2f}", {band: of.get(band, 0) for band in BANDS},
            count(sum(of.values()), "video"))
        for start, of in parts.items()
    ]  # fmt: skip
    lines = []
    for name in ("suspicious", "fake"):
        if champion and champion[f"{name}_at"] is not None:
            lines.append((champion[f"{name}_at"], f"{name} from {champion[f'{name}_at']:.3g}"))
    note = ""
    if champion and champion["fake_at"] is None:
        note = f"No line for fake: {champion['refused'] or 'the model has no calibration'}."
    n = sum(row["videos"] for row in rows)
    counts = {band: sum(row["videos"] for row in rows if row["band"] == band) for band in BANDS}
    said = ", ".join(f"{BANDS[band]} {number:,}" for band, number in counts.items() if number)
    words = Words(
        key="distribution", title=title, text=f"{count(n, 'video')}: {said}. " + ", ".join(t for _, t in lines),
        unit="videos", across="p_fake: 0 looks authentic, 1 looks fake", lines=lines,
    )  # fmt: skip
    return Panel(
        key="distribution", title=title, rows=rows, note=note, legend=legend(BANDS, [counts]),
        lead=f"{count(n, 'scored video')}: {said}."
             + (f" Champion: version {champion['model_version']}." if champion else ""),
        plots=[standing_bars(words, bars, {place: f"{place / 20:g}" for place in (0, 5, 10, 15, 20)}, counted=True)],
    )  # fmt: skip


def queue(rows: Rows, scored: int, champion: Mapping[str, object] | None) -> Panel:
    """How many videos wait for a person, by how long ago they came in."""
    title = "What waits for a person, and for how long"
    if not rows:
        nothing = "Nothing waits: every video that was called fake or suspicious has been decided."
        return Panel(key="queue", title=title, empty=nothing if scored else NO_SCORE if champion else NO_CHAMPION)
    bars = []
    for age in AGES:
        parts = {band: sum(r["videos"] for r in rows if (r["waits"], r["band"]) == (age, band)) for band in BANDS}
        if age != "unknown" or sum(parts.values()):
            bars.append(Bar(age, parts, f"{sum(parts.values()):,}"))
    n = sum(row["videos"] for row in rows)
    words = Words(key="queue", title=title, unit="videos", text="; ".join(f"{bar.name}: {bar.says}" for bar in bars))
    return Panel(
        key="queue", title=title, rows=rows, plots=[lying_bars(words, bars)],
        legend=legend(BANDS, (bar.parts for bar in bars)),
        lead=f"{count(n, 'video')} called fake or suspicious and not decided; {_oldest(rows) or 'ages unknown'}.",
        note="Counted from when a video came in. Decisions that can still be undone are not in the lake yet.",
    )  # fmt: skip


def _oldest(queue: Rows) -> str:
    days = max((row["oldest_days"] for row in queue if row["oldest_days"] is not None), default=None)
    if days is None:
        return ""
    if days < 1 / 24:
        return "the oldest for less than an hour"
    return "the oldest for " + (count(int(days), "day") if days >= 1 else count(int(days * 24), "hour"))
