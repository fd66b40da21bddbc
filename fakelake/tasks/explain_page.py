"""The HTML of an explanation: one file, no script, nothing from a network, light or dark as the reader's screen is."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from fakelake.tasks import explain_words as words
from fakelake.tasks.facts import Facts, Verdict
from fakelake.tasks.score_chart import STYLE as CHART_STYLE

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #23272e; --soft: #5c6470; --card: #f4f5f7; --line: #d5d8dd;
  --fake: #b3261e; --suspicious: #9a6700; --authentic: #1f5fa8; --other: #5c6470; }
@media (prefers-color-scheme: dark) { :root { --ground: #16191d; --ink: #e6e8eb; --soft: #a4acb8; --card: #20242a;
  --line: #3d434c; --fake: #ff8a80; --suspicious: #f2b84b; --authentic: #7db8f5; --other: #a4acb8; } }
body { background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 62rem; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem; }
.verdict { border: 1px solid var(--line); border-left: .5rem solid var(--band); background: var(--card);
  border-radius: .4rem; padding: .8rem 1rem; }
.verdict .band { color: var(--band); font-size: 1.5rem; font-weight: 700; margin: 0; }
.fake { --band: var(--fake); } .suspicious { --band: var(--suspicious); } .authentic { --band: var(--authentic); }
.other { --band: var(--other); }
.decision { border: 1px solid var(--line); border-radius: .4rem; padding: .6rem 1rem; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: .6rem 0; max-width: 100%; overflow-x: auto; } figcaption { color: var(--soft); font-size: .85rem; }
figure img { display: block; height: auto; border-radius: .3rem; } figure img.fits { max-width: 100%; }
figure svg { display: block; width: 47rem; max-width: 100%; height: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; } dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dt { margin-top: .4rem; } }
""".strip()


@dataclass(frozen=True, slots=True)
class Picture:
    """markup: an `img` with its bytes inside, or an `svg`; caption: plain text."""

    markup: str
    caption: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, sentences, pictures; all text is plain."""

    title: str
    sentences: Sequence[str]
    pictures: Sequence[Picture]


def image(data: bytes, mime: str, width: int, height: int, alt: str) -> str:
    """An `img` that carries its bytes. Wide strips keep their size and scroll; small pictures shrink with the page."""
    source = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    fits = ' class="fits"' if width <= 400 else ""
    return f'<img{fits} src="{source}" width="{width}" height="{height}" alt="{escape(alt)}">'


def render(facts: Facts, sections: Sequence[Section]) -> str:
    """The page. `sections` is empty for a video that could not be scored: verdict, reason and record remain."""
    verdict, reading = facts.verdict, facts.reading
    body = [f"<h1>{escape(verdict.title)}</h1>", _verdict(verdict)]
    if said := words.decision(verdict):
        body.append(f'<p class="decision">When this was made: {escape(said)}</p>')
    if verdict.scored:
        body.append(_section(Section("What the figure means", words.meaning(verdict.p_fake, reading), [])))
    body += [_section(section) for section in sections]
    if verdict.scored:
        body.append(_section(Section("Calibration", words.calibration(reading), [])))
    body.append(_record(facts))
    return "\n".join([
        '<!doctype html>', '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'\">",
        f"<title>{escape(verdict.title)}: {escape(words.headline(verdict))}</title>",
        f"<style>\n{_STYLE}\n{CHART_STYLE}\n</style>", "</head>", "<body>", *body, "</body>", "</html>", "",
    ])  # fmt: skip


def _verdict(verdict: Verdict) -> str:
    css = verdict.band if verdict.band in ("fake", "suspicious", "authentic") else "other"
    reason = f"<p>Why: {escape(verdict.reason)}</p>" if verdict.reason else ""
    return f'<div class="verdict {css}"><p class="band">{escape(words.headline(verdict))}</p>{reason}</div>'


def _section(section: Section) -> str:
    text = f"<p>{escape(' '.join(section.sentences))}</p>" if section.sentences else ""
    figures = "".join(
        f"<figure>{picture.markup}<figcaption>{escape(picture.caption)}</figcaption></figure>"
        for picture in section.pictures
    )
    return f'<section><h2>{escape(section.title)}</h2>{text}<div class="row">{figures}</div></section>'


def _record(facts: Facts) -> str:
    verdict, reading, recipe = facts.verdict, facts.reading, facts.recipe
    version = f"detector {verdict.model_version}" if verdict.model_version else None
    if version and reading and not reading.is_champion:
        version += " (not the champion)"
    named = f"{recipe.name} ({verdict.recipe_id})" if recipe else verdict.recipe_id
    rows = [
        ("Video", verdict.video_id),
        ("Data set", verdict.dataset),
        ("Model", version),
        ("Scored", verdict.scored_at),
        ("Windows", str(verdict.windows) if verdict.scored else None),
        ("Worst", f"face {verdict.worst_track} at {verdict.worst_second:.2f} s" if verdict.scored else None),
        ("Logit", f"{verdict.logit:.3f}" if verdict.scored else None),
        ("Calibration", f"{reading.calibration_id}, {reading.at}" if reading and reading.calibration_id else None),
        ("Recipe", named),
        ("Provenance", verdict.provenance or "no mark on record"),
    ]
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows if value)
    return f"<section><h2>On record</h2><dl>{items}</dl></section>"
