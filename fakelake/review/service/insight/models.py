"""The panels on models: where people differ from them, how versions compare, what has drifted, who was promoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fakelake.review.service.insight.charts import Bar, Dot, Words, dots, lying_bars
from fakelake.review.service.insight.panel import BANDS, Event, Matrix, Panel, count, percent, wilson
from fakelake.review.service.insight.panels import NO_CHAMPION, agreeing

Rows = Sequence[Mapping[str, object]]
SAID = {"fake": "fake", "real": "authentic", "unsure": "unsure"}
VERSIONS = 8  # the latest ones have a row in the plot
FEW = 100  # labels; below, the interval is wider than most differences between versions
MEASURES = {
    "score": "Score", "face_height": "Face height", "sharpness": "Sharpness", "no_face": "Videos without a face",
    "codec": "Codec mix",
}  # fmt: skip


def agreement(rows: Rows) -> Panel:
    """Decisions against the bands of now."""
    title = "Where people and the model agree"
    if not rows:
        return Panel(key="agreement", title=title, empty="Nobody has decided a scored video yet. Begin with the queue.")
    bands = [band for band in BANDS if any(row["band"] == band for row in rows)]
    number = {(row["decided"], row["band"]): row["videos"] for row in rows}

    def meaning(decided: str, band: str) -> str:
        agree, n = agreeing([{"decided": decided, "band": band, "videos": 1}])
        return "neither" if not n else "agree" if agree else "differ"

    cells = [
        (BANDS[band], [(f"{number.get((decided, band), 0):,}", meaning(decided, band)) for decided in SAID])
        for band in bands
    ]
    agree, n = agreeing(rows)
    lead = "No decision can be compared yet: all are unsure, or on videos without a score."
    if n:
        low, high = wilson(agree, n)
        lead = (
            f"They agree on {percent(agree, n)} of {count(n, 'decision')} (95 % interval {low:.0%} to {high:.0%}), "
            f"and differ on {count(n - agree, 'video')}."
        )
    return Panel(
        key="agreement", title=title, rows=rows, lead=lead, matrix=Matrix(list(SAID.values()), cells),
        note="Suspicious counts as fake. People mostly decide what the queue shows them, so this is not the model's "
             "accuracy over the archive.",
    )  # fmt: skip


def models(rows: Rows | None) -> Panel:
    """Versions of the detector, each with its interval. None: it is being counted."""
    title = "How often each version of the model agrees with the labels"
    if rows is None:
        return Panel(key="models", title=title, empty="This is being counted. Reload the page in a moment.")
    if not rows:
        return Panel(key="models", title=title, empty=NO_CHAMPION)
    judged = [row for row in rows if row["n"]]
    if not judged:
        return Panel(
            key="models",
            title=title,
            rows=rows,
            empty="No scored video has a label yet: decide some, or import a list.",
        )
    shown = judged[:VERSIONS]
    found = [
        Dot(f"version {row['model_version']}{', champion' if row['is_champion'] else ''}", row["low"], row["accuracy"],
            row["high"], f"{percent(row['agrees'], row['n'])} of {count(row['n'], 'label')}",
            "champion" if row["is_champion"] else "scored")
        for row in shown
    ]  # fmt: skip
    text = "; ".join(f"{d.name}: {d.says}, 95 % interval {d.low:.0%} to {d.high:.0%}" for d in found)
    few = min(row["n"] for row in shown)
    lead = f"The {len(shown)} latest of {len(judged)} versions. " if len(judged) > len(shown) else ""
    if few < FEW:
        lead += (
            f"With only {count(few, 'label')} a line this long tells little: where lines overlap, do not choose by it."
        )
    return Panel(
        key="models", title=title, rows=rows, lead=lead.strip(),
        plots=[dots(Words(key="models", title=title, text=text, unit="agrees with the label, at p_fake = 0.5"), found)],
        legend=[("champion", "champion"), ("scored", "other version")] if len(found) > 1 else [],
        note="Line: 95 % interval (Wilson). The labels include those that the model was trained with, so this "
             "flatters; what decides on a promotion is the test part of the split (below).",
    )  # fmt: skip


def drift(rows: Rows, champion: Mapping[str, object] | None) -> Panel:
    """The stability index of each measure beside the threshold from which it has drifted."""
    title = "Whether what comes in has drifted from what the champion was trained beside"
    if not rows:
        todo = "Not compared yet since this champion: fakelake up does it daily, and fakelake drift does it now."
        return Panel(key="drift", title=title, empty=todo if champion else NO_CHAMPION)
    bars = [
        Bar(MEASURES.get(row["measure"], row["measure"]), {_told(row): row["psi"] or 0}, _says(row),
            row["threshold"] if row["psi"] is not None else None)
        for row in rows
    ]  # fmt: skip
    drifted = [MEASURES.get(row["measure"], row["measure"]) for row in rows if row["drifted"]]
    untold = sum(row["drifted"] is None for row in rows)
    lead = f"Drifted: {', '.join(drifted)}." if drifted else "Nothing has drifted, as far as can be told."
    if untold:
        lead += f" {count(untold, 'measure')} cannot be told: too few videos."
    words = Words(key="drift", title=title, unit="population stability index (PSI)",
                  text="; ".join(f"{bar.name}: {bar.says}" for bar in bars))  # fmt: skip
    return Panel(
        key="drift", title=title, rows=rows, lead=lead, plots=[lying_bars(words, bars, whole=False)],
        legend=[("drifted", "drifted"), ("steady", "not drifted"), ("mark", "line: from here it has drifted")],
        note="A measure has also drifted where KS reaches its own threshold; the table has both, and what moved.",
    )  # fmt: skip


def promotions(rows: Rows) -> Panel:
    """The story of who became champion and who did not, the latest first."""
    title = "Who became champion, and why"
    if not rows:
        return Panel(key="promotions", title=title, empty=NO_CHAMPION)
    story = [
        Event(
            f"{row['decided_at']:%Y-%m-%d %H:%M} UTC",
            f"{row['model']} {row['model_version']} {row['outcome']}"
            + (f", in the place of {row['replaced']}" if row["replaced"] and row["outcome"] == "promoted" else ""),
            "; ".join(filter(None, (row["reason"], _figures(row), row["decided_by"] and f"by {row['decided_by']}"))),
            str(row["outcome"]),
        )
        for row in rows
    ]  # fmt: skip
    return Panel(key="promotions", title=title, rows=rows, story=story)


def _told(row: Mapping[str, object]) -> str:
    return {True: "drifted", False: "steady", None: "untold"}[row["drifted"]]


def _says(row: Mapping[str, object]) -> str:
    if row["psi"] is None or row["drifted"] is None:
        return f"not told, {count(row['recent_n'] or 0, 'video')}"
    return f"{'drifted' if row['drifted'] else 'no drift'}, PSI {row['psi']:.2f}, {count(row['recent_n'], 'video')}"


def _figures(row: Mapping[str, object]) -> str:
    """Of the metric, where both were measured; the words of the reason may have them too, rounded otherwise."""
    if row["challenger"] is None or not row["metric"]:
        return ""
    said = f"{row['metric']} {row['challenger']:.3f}"
    if row["champion"] is not None:
        said += f" against {row['champion']:.3f}"
    if row["low"] is not None and row["high"] is not None:
        said += f", difference {row['low']:+.3f} to {row['high']:+.3f}"
    return said
