"""Answers on the screen, as CSV and as JSON."""

import csv
import io
import json

import pytest

from fakelake.catalog.guard import SqlRefused
from fakelake.flows.ask import ask
from tests.tasks.labels.lake_of_names import lake_of

NAMES = ["a.mp4", "[red]b[bold].mp4", "日本.mp4"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    root = tmp_path_factory.mktemp("ask") / "lake"
    lake_of(root, NAMES)
    return str(root)


@pytest.fixture
def answer(lake, capsys):
    def answer(query, format_):
        assert ask(query, lake, format_, 60) == 0
        return capsys.readouterr()

    return answer


def test_a_table_shows_names_as_they_are_and_counts_its_rows(answer):
    shown = answer("SELECT name FROM sources ORDER BY name", "table")
    for name in NAMES:
        assert name in shown.out
    assert shown.err == "3 rows\n"


def test_numbers_in_a_table_are_to_be_read_by_people(answer):
    out = answer("SELECT 1234567.891::DOUBLE AS large, 0.000123456::DOUBLE AS small, NULL AS nothing", "table").out
    assert "1,234,567.9" in out and "0.0001235" in out and "None" not in out


def test_a_picture_in_a_table_is_its_size_and_a_long_text_is_cut(answer):
    out = answer("SELECT 'abc'::BLOB AS image, repeat('x', 500) AS text", "table").out
    assert "<3 bytes>" in out
    assert "x" * 59 + "…" in out and "x" * 61 not in out


def test_csv_can_be_read_back(answer):
    out = answer(
        """SELECT name, 'a "b", c' AS text, NULL AS nothing, 'ab'::BLOB AS b FROM sources ORDER BY ALL""", "csv"
    ).out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [r["name"] for r in rows] == sorted(NAMES)
    assert rows[0] | {"name": ""} == {"name": "", "text": 'a "b", c', "nothing": "", "b": "6162"}


def test_json_keeps_types_and_any_name(answer):
    values = "1.5::DOUBLE AS d, NULL AS n, [1, 2] AS l, DATE '2026-01-02' AS t"
    rows = json.loads(answer(f"SELECT name, {values} FROM sources ORDER BY name", "json").out)
    assert [row["name"] for row in rows] == sorted(NAMES)
    assert rows[0] | {"name": ""} == {"name": "", "d": 1.5, "n": None, "l": [1, 2], "t": "2026-01-02"}


def test_json_has_no_word_for_what_is_not_a_number(answer):
    out = answer("SELECT 'nan'::FLOAT AS a, ['inf'::DOUBLE, 1] AS b, {'x': 'nan'::DOUBLE} AS c", "json").out
    assert json.loads(out, parse_constant=pytest.fail) == [{"a": None, "b": [None, 1.0], "c": {"x": None}}]


@pytest.mark.parametrize("format_", ["table", "csv", "json"])
def test_an_answer_without_rows_is_an_answer(answer, format_):
    out = answer("SELECT name FROM sources WHERE false", format_).out
    assert "name" in out or json.loads(out) == []


@pytest.mark.parametrize("format_", ["table", "csv"])
def test_two_columns_of_one_name_both_count(answer, format_):
    out = answer("SELECT 11 AS a, 22 AS a", format_).out
    assert "11" in out and "22" in out


def test_an_unknown_format_is_refused_with_the_known_ones(lake):
    with pytest.raises(ValueError, match="table, csv, json"):
        ask("SELECT 1", lake, "xml", 60)


def test_anything_but_a_select_is_refused(lake):
    with pytest.raises(SqlRefused):
        ask("DROP VIEW videos", lake, "table", 60)
