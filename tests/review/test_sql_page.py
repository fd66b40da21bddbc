"""The SQL page: moderators ask the lake anything, and can neither write nor look out of it."""

import csv
import io
import threading
from datetime import UTC, datetime

import pytest

from fakelake.review.service import questions

EVIL = '<script>alert("x")</script>.mp4'


@pytest.fixture
def moderator(desk):
    return desk.client("moderator")


def ask(client, sql, **more):
    response = client.post("/sql/", {"q": sql, **more})
    return response, response.content.decode() if not response.streaming else b"".join(
        response.streaming_content
    ).decode()


def audit():
    from fakelake.review.desk.models import Audit

    return [(row.who, row.detail) for row in Audit.objects.filter(what="asked")]


def test_a_question_is_answered_as_a_table(moderator, desk):
    response, page = ask(moderator, "SELECT name, band FROM verdicts ORDER BY name")
    assert response.status_code == 200
    assert "calm.mp4" in page and "authentic" in page
    with desk.lake.connect() as connection:
        videos = connection.execute("SELECT count(*) FROM verdicts").fetchone()[0]
    assert f">{videos} rows</h2>" in page


def test_every_question_of_the_cookbook_fills_the_form_and_runs(moderator):
    from urllib.parse import quote

    page = moderator.get("/sql/").content.decode()
    assert len(questions.cookbook()) >= 8
    for name, sql in questions.cookbook().items():
        assert f"/sql/?q={quote(sql, safe='')}" in page, name
    name, sql = next(iter(questions.cookbook().items()))
    filled = moderator.get("/sql/", {"q": sql}).content.decode()
    assert "ingested_at::DATE AS day" in filled
    assert ask(moderator, sql)[0].status_code == 200


def test_an_address_fills_the_form_and_never_runs(moderator, monkeypatch):
    monkeypatch.setattr(questions, "run_select", lambda *_, **__: pytest.fail("it ran"))
    page = moderator.get("/sql/", {"q": "SELECT 41 + 1 AS answer"}).content.decode()
    assert "SELECT 41 + 1 AS answer</textarea>" in page and "answer-h" not in page
    assert audit() == []


def test_each_run_is_put_on_record_before_it_runs(moderator):
    ask(moderator, "SELECT 41 + 1")
    ask(moderator, "DROP VIEW videos")
    ask(moderator, "SELECT 2", **{"as": "csv"})
    assert audit() == [
        ("moderator", "as CSV: SELECT 2"), ("moderator", "DROP VIEW videos"), ("moderator", "SELECT 41 + 1"),
    ]  # fmt: skip


def test_what_writes_reads_a_file_or_is_no_single_select_is_refused_in_words(moderator, tmp_path):
    secret, out = tmp_path / "secret.csv", tmp_path / "out.csv"
    secret.write_text("password\nhunter2\n")
    refused = {
        f"COPY (SELECT 1) TO '{out}'": "Only SELECT is allowed here",
        f"SELECT * FROM read_csv('{secret}')": "secret.csv",
        f"SELECT * FROM '{secret}'": "secret.csv",
        "SELECT 1; SELECT 2": "One SELECT at a time, please; this is 2 statements.",
        f"SELECT 1; COPY (SELECT 1) TO '{out}'": "this is 2 statements",
        "INSERT INTO videos VALUES (1)": "Only SELECT is allowed here",
        "CREATE TABLE t AS SELECT 1": "Only SELECT is allowed here",
        f"ATTACH '{tmp_path / 'a.db'}'": "Only SELECT is allowed here",
        "SET enable_external_access = true": "Only SELECT is allowed here",
        "SELECT * FROM query('SELECT 1')": "The table function query is not allowed here.",
        "SELECT getenv('HOME')": "getenv",
        "": "There is no question.",
        "-- nothing": "this is 0 statements",
        "SELECT 1\0": "NUL character",
        "SELECT nonsense FROM verdicts": "nonsense",
        "SELECT " + "1," * 11_000 + "1": "too long",
    }
    for sql, words in refused.items():
        response, page = ask(moderator, sql)
        assert response.status_code == 400, sql
        assert "This was not answered" in page and words.replace("'", "&#x27;") in page, sql
        assert "hunter2" not in page
        cache_clear()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.csv"], "nothing was written"


def cache_clear():
    from django.core.cache import cache

    cache.clear()  # of the limit of requests a minute


def test_what_takes_too_long_or_is_too_large_is_stopped_and_said(moderator, monkeypatch):
    monkeypatch.setattr(questions, "TIME_S", 1.0)
    response, page = ask(
        moderator, "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range * b.range = 7"
    )
    assert response.status_code == 400 and "Stopped after 1 s." in page
    monkeypatch.setattr(questions, "TIME_S", 60.0)
    monkeypatch.setattr(questions, "ANSWER_BYTES", 1 << 20)
    response, page = ask(moderator, "SELECT range FROM range(1000000)")
    assert response.status_code == 400 and "The answer is larger than 1 MiB." in page


def test_a_page_shows_the_first_rows_and_says_how_many_there_are(moderator):
    _, page = ask(moderator, "SELECT range AS n FROM range(1234)")
    assert "1,234 rows" in page and "the first 500 are shown, CSV has all" in page
    assert page.count("<tr><td") == 500
    _, page = ask(moderator, "SELECT " + ", ".join(f"{n} AS c{n}" for n in range(100)))
    assert "the first 60 of 100 columns are shown" in page


def test_values_are_shown_for_people(moderator):
    sql = "SELECT NULL AS nothing, 1234567 AS many, 0.123456::DOUBLE AS part, repeat('x', 2500)::BLOB AS image"
    _, page = ask(moderator, sql)
    assert '<td class="soft">NULL</td>' in page
    assert '<td class="number">1,234,567</td>' in page and '<th scope="col" class="number">many</th>' in page
    assert '<td class="number">0.1235</td>' in page
    assert '<td class="soft">2.5 kB</td>' in page
    values = (True, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), b"abc", [1, None])
    assert [questions.cell(value).text for value in values] == ["true", "2026-01-02 03:04:05", "3 bytes", "[1, None]"]
    assert questions.cell("x" * 5000).text == "x" * 399 + "…"


def test_a_long_list_is_cut_before_it_is_made_into_values_of_python(moderator):
    _, page = ask(moderator, "SELECT range(3000000) AS many, [1, NULL, 3] AS few")
    assert "[0, 1, 2, 3" in page and "2999999" not in page and "[1, None, 3]" in page


def test_values_that_python_has_no_type_for_are_shown_as_well(moderator):
    response, page = ask(
        moderator, "SELECT '12000-01-01'::DATE AS far, 'infinity'::TIMESTAMP AS never, 1::HUGEINT AS n"
    )
    assert response.status_code == 200 and "12000-01-01" in page


def test_markup_in_the_lake_is_text_on_the_page(moderator):
    _, page = ask(moderator, f"SELECT '{EVIL}' AS name, 1 AS \"<b>\"")
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page and "<b>" not in page
    assert "<script>alert" not in moderator.get("/sql/", {"q": f"</textarea>{EVIL}"}).content.decode()


def test_the_whole_answer_comes_as_csv_and_no_formula_in_it(moderator):
    sql = (
        "SELECT range AS n, '=HYPERLINK(1)' AS name, -1 AS less, 'ab'::BLOB AS image, NULL AS nothing FROM range(1234)"
    )
    response, text = ask(moderator, sql, **{"as": "csv"})
    assert response["Content-Type"].startswith("text/csv") and "attachment" in response["Content-Disposition"]
    header, *rows = csv.reader(io.StringIO(text))
    assert header == ["n", "name", "less", "image", "nothing"]
    assert len(rows) == 1234 and rows[-1] == ["1233", "'=HYPERLINK(1)", "-1", "6162", ""]
    response, page = ask(moderator, "DROP VIEW videos", **{"as": "csv"})
    assert response.status_code == 400 and "Only SELECT is allowed here" in page


def test_the_views_are_there_to_look_at_with_what_their_columns_mean(moderator):
    page = moderator.get("/sql/").content.decode()
    assert "<code>verdicts</code>" in page and "One row a video: p_fake, band, reason" in page
    assert "<code>p_fake</code>" in page and "1 = fake, so a logit above 0 says fake" in page
    assert "<code>desk</code>" not in page, "the page's own table is none that can be asked"


def test_only_so_many_run_at_once_and_others_are_told(moderator, desk, monkeypatch):
    inside, go = threading.Semaphore(0), threading.Event()

    def slow(*_, **__):
        inside.release()
        go.wait(20)
        raise questions.SqlRefused("at last")

    monkeypatch.setattr(questions, "run_select", slow)

    def one():
        with pytest.raises(questions.SqlRefused):
            questions.ask(None, "SELECT 1")

    running = [threading.Thread(target=one) for _ in range(questions.AT_ONCE)]
    for thread in running:
        thread.start()
        inside.acquire(timeout=10)
    response, page = ask(moderator, "SELECT 1")
    assert response.status_code == 503 and "The SQL page is busy" in page and "try again in a moment" in page
    go.set()
    for thread in running:
        thread.join()
    assert ask(moderator, "SELECT 1")[0].status_code == 400, "there is a place again"


def test_nobody_asks_more_than_thirty_times_a_minute(moderator, desk, monkeypatch, within_a_minute):
    monkeypatch.setattr(questions, "TIME_S", 20)
    statuses = [ask(moderator, "")[0].status_code for _ in range(31)]
    assert statuses.count(400) == 30 and statuses[-1] == 429
    assert ask(desk.client("other"), "")[0].status_code == 400, "others may"


def test_viewers_may_not_ask_and_a_form_without_its_token_is_refused(desk):
    from django.test import Client

    for client in (desk.client("viewer"),):
        assert client.get("/sql/").status_code == 403 and ask(client, "SELECT 1")[0].status_code == 403
    assert desk.client().get("/sql/")["Location"].startswith("/login/")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(desk.people["moderator"], backend="django.contrib.auth.backends.ModelBackend")
    response, page = ask(strict, "SELECT 1")
    assert response.status_code == 403 and "Nothing was changed." in page
    assert audit() == []
