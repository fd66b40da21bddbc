"""Every number of the insight page, on a lake whose numbers are known."""

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from fakelake.catalog.commit import commit_videos
from fakelake.catalog.lake import Lake
from fakelake.catalog.scores import commit_scores
from fakelake.review.service.insight import answers as service
from fakelake.review.service.insight.answers import Answers, insight
from fakelake.review.service.insight.panel import percent, wilson
from fakelake.review.service.insight.panels import agreeing
from fakelake.review.service.insight.questions import QUESTIONS
from fakelake.review.service.reader import LakeReader
from tests.catalog.rows import source, trouble, video_id, write_video
from tests.catalog.score_rows import calibrate, promote, scores, unscored

NOW = datetime.now(UTC)
CAME = {2: timedelta(hours=2), 4: timedelta(days=2, hours=1)}  # before now; all others five days
LOGITS = {1: 4.0, 2: 3.0, 3: 1.0, 4: 1.0, 5: -4.0, 6: -4.0, 7: -3.0}  # 1, 2 fake; 3, 4 suspicious; then authentic
SAID = {1: "fake", 3: "real", 5: "real", 6: "unsure", 7: "fake"}  # agree on 1 and 5, differ on 3 and 7
EVIL = '<img src=x onerror="alert(1)">'


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Ten videos of six minutes: 1 to 7 scored, 8 too short, 9 without a face, 10 not scored yet; one in quarantine."""
    lake = Lake.create(tmp_path_factory.mktemp("known") / "lake")
    videos = []
    for i in range(1, 11):
        video = write_video(lake, i, rows=0 if i == 9 else 2)
        video.row.update(duration_s=360.0, dataset="press" if i <= 6 else EVIL)
        video.row["ingested_at"] = NOW - CAME.get(i, timedelta(days=5))
        if i == 9:
            video.row.update(status="no_face", reason="no face in 9 frames")
        videos.append(video)
    commit_videos(lake, videos, [source(i) for i in range(1, 11)], [trouble(20), trouble(21, error="forgotten")])
    rows = [row for i, logit in LOGITS.items() for row in scores(i, [logit])]
    commit_scores(lake, rows + unscored(8) + scores(1, [2.0], version="0"))
    for version in ("0", "1"):
        promote(lake, version, hours=int(version))
        calibrate(lake, version)
    lake.append("labels", [
        {"video_id": video_id(i), "label": word, "origin": "moderator", "labelled_by": "ann", "labelled_at": NOW}
        for i, word in SAID.items()
    ])  # fmt: skip
    same = {"model_version": "1", "since": NOW, "run_id": "run", "at": NOW, "threshold": 0.2, "reference_n": 90}
    lake.append("drift", [
        {**same, "measure": "score", "drifted": True, "psi": 0.4, "ks": 0.3, "recent_n": 70, "reason": "up"},
        {**same, "measure": "codec", "drifted": None, "recent_n": 3, "reason": "too few"},
    ])  # fmt: skip
    reader = LakeReader(lake)
    yield SimpleNamespace(lake=lake, reader=reader, answers=Answers(reader))
    reader.close()


@pytest.fixture
def page(known):
    """The panels by their keys, and the figures by their names."""
    known.answers.rows_soon("models", patience_s=30)
    shown = insight(known.answers)
    assert not shown.empty
    return SimpleNamespace(
        **{panel.key: panel for panel in shown.panels}, figures={what: said for what, *said, _ in shown.figures}
    )


def test_the_figures_at_the_top_say_how_far_the_archive_is(page):
    assert page.figures == {
        "Videos": ["10", "1.0 hours"],
        "Scored": ["70 %", "7 of 10"],
        "Wait for a person": ["2", "the oldest for 2 days"],
        "Decided by people": ["5", "50 % of the videos"],
        "People and model agree": ["50 %", "of 4; 95 %: 15% to 85%"],
        "In quarantine": ["1", "file"],
    }


def test_coverage_counts_each_video_of_a_data_set_once(page):
    press, other = page.coverage.rows
    assert press == {
        "data_set": "press", "videos": 6, "scored": 6, "decided": 4, "scored_undecided": 2, "by_marks": 0,
        "nothing_to_score": 0, "failed": 0, "waiting": 0, "hours": pytest.approx(0.6),
    }  # fmt: skip
    assert other == {
        "data_set": EVIL, "videos": 4, "scored": 1, "decided": 1, "scored_undecided": 0, "by_marks": 0,
        "nothing_to_score": 2, "failed": 0, "waiting": 1, "hours": pytest.approx(0.4),
    }  # fmt: skip
    assert page.coverage.lead == "7 of 10 videos are scored, 5 decided by a person."


def test_volumes_are_videos_and_hours_a_day_by_what_became_of_them(page):
    rows = page.volumes.rows
    assert sum(row["videos"] for row in rows) == 10 and sum(row["hours"] for row in rows) == pytest.approx(1.0)
    early = (NOW - timedelta(days=5)).date()
    assert {row["band"]: row["videos"] for row in rows if row["day"] == early} == {
        "fake": 1, "suspicious": 1, "authentic": 3, "not_applicable": 2, "waiting": 1,
    }  # fmt: skip
    assert len(page.volumes.plots) == 2


def test_the_scores_lie_in_bins_of_a_twentieth_with_the_lines_of_the_champion(page):
    assert [(row["from_percent"], row["band"], row["videos"]) for row in page.distribution.rows] == [
        (0, "authentic", 3), (70, "suspicious", 2), (95, "fake", 2),
    ]  # fmt: skip
    [plot] = page.distribution.plots
    assert "suspicious from 0.5" in plot and "fake from 0.9" in plot
    assert "7 scored videos: fake 2, suspicious 2, authentic 3. Champion: version 1." in page.distribution.lead


def test_agreement_is_a_matrix_of_what_people_said_and_the_band(page):
    matrix = {name: cells for name, cells in page.agreement.matrix.rows}
    assert page.agreement.matrix.columns == ["fake", "authentic", "unsure"]
    assert matrix == {
        "fake": [("1", "agree"), ("0", "differ"), ("0", "neither")],
        "suspicious": [("0", "agree"), ("1", "differ"), ("0", "neither")],
        "authentic": [("1", "differ"), ("1", "agree"), ("1", "neither")],
    }
    assert page.agreement.lead.startswith("They agree on 50 % of 4 decisions (95 % interval 15% to 85%)")
    assert "differ on 2 videos" in page.agreement.lead


def test_agreement_leaves_out_unsure_and_what_has_no_score():
    rows = [
        {"decided": "unsure", "band": "fake", "videos": 5},
        {"decided": "fake", "band": "not_applicable", "videos": 5},
        {"decided": "fake", "band": "suspicious", "videos": 3},
        {"decided": "real", "band": "suspicious", "videos": 1},
    ]
    assert agreeing(rows) == (3, 4)


def test_versions_are_compared_with_the_interval_that_few_labels_give(page):
    found = {row["model_version"]: row for row in page.models.rows}
    assert (found["1"]["n"], found["1"]["agrees"], found["1"]["accuracy"]) == (4, 2, 0.5)
    for version, hits, n in (("1", 2, 4), ("0", 1, 1)):
        low, high = wilson(hits, n)
        assert found[version]["low"] == pytest.approx(low, abs=1e-3)
        assert found[version]["high"] == pytest.approx(high, abs=1e-3)
    assert wilson(2, 4) == (pytest.approx(0.150, abs=1e-3), pytest.approx(0.850, abs=1e-3))
    assert wilson(10, 10)[1] == 1 and wilson(10, 10)[0] == pytest.approx(0.722, abs=1e-3)
    assert "With only 1 label" in page.models.lead
    assert "version 1, champion" in page.models.plots[0] and "50 % of 4 labels" in page.models.plots[0]


def test_the_queue_is_counted_by_how_long_videos_wait(page):
    assert [(row["waits"], row["band"], row["videos"]) for row in page.queue.rows] == [
        ("under a day", "fake", 1), ("1 to 3 days", "suspicious", 1),
    ]  # fmt: skip


def test_drift_is_shown_beside_its_threshold_and_too_few_videos_are_not_called_steady(page):
    assert page.drift.lead == "Drifted: Score. 1 measure cannot be told: too few videos."
    assert "drifted, PSI 0.40, 70 videos" in page.drift.plots[0] and "not told, 3 videos" in page.drift.plots[0]
    assert page.drift.plots[0].count('class="mark"') == 1


def test_promotions_tell_who_became_champion_the_latest_first(page):
    assert [event.what for event in page.promotions.story] == ["detector 1 promoted", "detector 0 promoted"]
    assert page.promotions.story[0].why == "better"


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_sql_that_is_shown_gives_the_numbers_that_are_shown(known, name):
    with known.lake.connect() as connection:
        result = connection.execute(QUESTIONS[name].shown)
        names = [column[0] for column in result.description]
        shown = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    asked = known.reader.rows(QUESTIONS[name].asked)
    for row in (*shown, *asked):
        row.pop("oldest_days", None)  # older at every moment
    assert shown == asked and shown


def test_every_panel_has_its_sql_its_numbers_and_a_way_to_the_sql_page(desk, known, monkeypatch):
    monkeypatch.setattr("fakelake.review.desk.views.insight.answers", lambda: known.answers)
    known.answers.rows_soon("models", patience_s=30)
    moderators = desk.client("moderator").get("/insight/").content.decode()
    assert moderators.count("<details>") == 8 and moderators.count("Open on the SQL page") == 8
    assert moderators.count("<caption>") == 9, "a table for each panel, and the matrix"
    address = re.search(r'href="(/sql/\?q=[^"]+)"', moderators)[1]
    assert "review_queue" not in address and "everything" in address
    filled = desk.client("moderator").get(address).content.decode()
    assert "WITH came AS (" in filled
    viewers = desk.client("viewer").get("/insight/").content.decode()
    assert "Open on the SQL page" not in viewers, "who may not ask is not sent there"


def test_markup_in_the_name_of_a_data_set_is_shown_as_text(desk, known, monkeypatch):
    monkeypatch.setattr("fakelake.review.desk.views.insight.answers", lambda: known.answers)
    page = desk.client("viewer").get("/insight/").content.decode()
    assert "<img src=x" not in page and "&lt;img src=x onerror=" in page
    assert not re.search(r"<script(?! src=)|\sstyle=", page), "nothing that the content security policy refuses"


def test_who_is_not_logged_in_is_asked_to(desk):
    assert desk.client().get("/insight/")["Location"].startswith("/login/")


def test_an_empty_lake_says_what_to_do(tmp_path, desk, monkeypatch):
    reader = LakeReader(Lake.create(tmp_path / "lake"))
    answers = Answers(reader)
    answers.rows_soon("models", patience_s=30)
    monkeypatch.setattr("fakelake.review.desk.views.insight.answers", lambda: answers)
    page = desk.client("viewer").get("/insight/").content.decode()
    reader.close()
    assert "The lake is empty" in page and "No scores yet: there is no champion." in page
    assert "<svg" not in page, "there is nothing to draw"


def test_videos_without_a_champion_say_how_to_get_one(tmp_path):
    lake = Lake.create(tmp_path / "lake")
    commit_videos(lake, [write_video(lake, 1)], [source(1)])
    reader = LakeReader(lake)
    shown = {panel.key: panel for panel in insight(Answers(reader)).panels}
    reader.close()
    assert shown["coverage"].plots and "1 video" in shown["coverage"].plots[0]
    assert "fakelake train detector" in shown["distribution"].empty


def test_answers_are_kept_until_the_lake_is_published_anew():
    asked = []
    reader = SimpleNamespace(loaded_at=1.0, rows=lambda sql: asked.append(sql) or [{"n": len(asked)}])
    answers = Answers(reader)
    assert answers.rows("coverage") == answers.rows("coverage") == [{"n": 1}]
    reader.loaded_at = 2.0
    assert answers.rows("coverage") == [{"n": 2}]


def test_a_slow_answer_does_not_hold_up_the_page_and_is_there_the_next_time(monkeypatch):
    import threading

    go = threading.Event()
    reader = SimpleNamespace(loaded_at=1.0, rows=lambda sql: go.wait(10) and [{"n": 1}])
    answers = Answers(reader)
    assert answers.rows_soon("models", patience_s=0.01) is None
    assert "being counted" in service.models.models(None).empty
    go.set()
    assert answers.rows_soon("models", patience_s=10) == [{"n": 1}]
    reader.loaded_at = 2.0
    go.clear()
    assert answers.rows_soon("models", patience_s=0.01) == [{"n": 1}], "what came out the last time, meanwhile"
    go.set()


def test_a_share_is_never_rounded_to_all_or_to_nothing():
    assert [percent(n, 100_000) for n in (0, 1, 50_000, 99_999, 100_000)] == [
        "0 %", "under 0.1 %", "50 %", "over 99.9 %", "100 %",
    ]  # fmt: skip
