"""A CSV of labels: a column that names the file, a column that says real or fake, and identities if known.

Numbers are taken only where the list says what they mean: a column `label_is_fake` or `label_is_real`, or
`one_means`. Public lists disagree (Celeb-DF's own says 1 = real), so a bare 0/1 is refused, not guessed.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from fakelake.tasks.labels.base import Label, LabelEntry, LabelList, LabelListError, is_video_name, printable, stem

KIND = "csv"
PATH_COLUMNS = ("path", "file", "filename", "file_name", "name", "video", "videoname", "uri", "video_id")
WORD_COLUMNS = ("label", "class", "target")
FAKE_COLUMNS = ("label_is_fake", "is_fake", "fake")
REAL_COLUMNS = ("label_is_real", "is_real", "real")
_NUMBERS = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}


@dataclass(frozen=True, slots=True)
class _Columns:
    path: str
    label: str
    one_means: Label | None


def read(place: Path, *, one_means: Label | None = None, dataset: str | None = None) -> LabelList:
    """Columns: one of PATH_COLUMNS; `label` (real/fake) or a FAKE_/REAL_COLUMN (0/1); and, if there, `method`,
    `target_identity` (or `identity`), `source_identity`, `original` (the clip a fake was made of), `dataset`, `note`.

    Identities without a name space get the row's or the list's data set, or `csv`. Without a header line, two columns
    `file,REAL|FAKE` are understood. Raises LabelListError with the line at fault.
    """
    rows = _rows(place)
    if not rows:
        raise LabelListError(f"{place}: empty. A label CSV has a header such as `path,label` and a line per video.")
    if _is_bare(rows[0]):
        header, lines = ["path", "label"], list(enumerate(rows, 1))
    else:
        header, lines = [cell.strip().lower() for cell in rows[0]], list(enumerate(rows[1:], 2))
    columns = _columns(place, header, one_means)
    entries = []
    for number, cells in lines:
        if len(cells) != len(header):
            raise LabelListError(f"{place}, line {number}: {len(cells)} cells, the header has {len(header)}.")
        row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        if not row[columns.path]:
            raise LabelListError(f"{place}, line {number}: the column {columns.path!r} is empty.")
        label = _label(row[columns.label], columns, f"{place}, line {number}")
        entries.append(_entry(row, columns, label, dataset))
    return LabelList(kind=KIND, name=place.name, entries=tuple(entries), folder=str(place.parent.absolute()))


def _rows(place: Path) -> list[list[str]]:
    try:
        with place.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            dialect = "excel-tab" if place.suffix.lower() == ".tsv" else "excel"
            return [row for row in csv.reader(file, dialect, strict=True) if any(cell.strip() for cell in row)]
    except (OSError, csv.Error) as e:
        raise LabelListError(f"{place}: cannot be read as CSV ({e}).") from e


def _is_bare(row: list[str]) -> bool:
    return len(row) == 2 and is_video_name(row[0].strip()) and row[1].strip().lower() in ("real", "fake")


def _columns(place: Path, header: list[str], one_means: Label | None) -> _Columns:
    path = next((name for name in PATH_COLUMNS if name in header), None)
    if path is None:
        raise LabelListError(f"{place}: no column names the file. Call it one of {', '.join(PATH_COLUMNS)}.")
    for names, meaning in ((FAKE_COLUMNS, "fake"), (REAL_COLUMNS, "real"), (WORD_COLUMNS, one_means)):
        if label := next((name for name in names if name in header), None):
            if one_means and meaning != one_means:
                raise LabelListError(
                    f"{place}: by the column's name {label!r} 1 means {meaning}, by --one-means {one_means}. Drop one."
                )
            return _Columns(path, label, meaning)
    raise LabelListError(
        f"{place}: no column says real or fake. Call it `label` (words), or `label_is_fake` (1 = fake, 0 = real)."
    )


def _label(cell: str, columns: _Columns, where: str) -> Label:
    word = cell.lower()
    if word in ("real", "fake"):
        return word
    if word not in _NUMBERS:
        raise LabelListError(f"{where}: {printable(cell)!r} is not a label. Write real or fake.")
    if columns.one_means is None:
        raise LabelListError(
            f"{where}: the label is {cell!r} and nothing says whether 1 is fake or real; public lists differ. Name the "
            "column `label_is_fake` or `label_is_real`, write words, or say --one-means fake or --one-means real."
        )
    other: Label = "real" if columns.one_means == "fake" else "fake"
    return columns.one_means if _NUMBERS[word] else other


def _entry(row: dict[str, str], columns: _Columns, label: Label, dataset: str | None) -> LabelEntry:
    space = row.get("dataset") or dataset or KIND
    path = row[columns.path]
    target = row.get("target_identity") or row.get("identity")
    if not target and "original" in row:
        original = row["original"] if label == "fake" and is_video_name(row["original"]) else path
        target = stem(original.rsplit("/", 1)[-1])
    return LabelEntry(
        path=path,
        label=label,
        method=row.get("method") or None,
        target_identity=_named(target, space),
        source_identity=_named(row.get("source_identity"), space),
        note=printable(row["note"]) if row.get("note") else None,
    )


def _named(identity: str | None, space: str) -> str | None:
    if not identity:
        return None
    return printable(identity if ":" in identity else f"{space}:{identity}")
