import json

import pytest

from fakelake.tasks.summary import IngestSummary


def summary(counts, stage_seconds=None, seconds=2.0, **fields):
    made = IngestSummary(run_id="r1", lake="/lake", recipe="paper", recipe_id="abc", **fields)
    made.close(counts, {} if stage_seconds is None else stage_seconds, seconds)
    return made


def test_rates_are_over_the_whole_run():
    made = summary({"ready": 2, "frames": 300, "faces": 450}, seconds=3.0)
    assert (made.frames_per_s, made.faces_per_s, made.seconds) == (100.0, 150.0, 3.0)


def test_shares_of_time_are_of_the_four_stages_and_sum_to_one():
    shares = summary({}, {"decode": 1, "detect": 2, "encode": 0.5, "commit": 0.5, "other": 9}).stage_share
    assert shares == {"decode": 0.25, "detect": 0.5, "encode": 0.125, "commit": 0.125}


def test_a_run_with_nothing_to_do_divides_by_nothing():
    made = summary({"already_done": 3}, seconds=0.0)
    assert (made.frames_per_s, sum(made.stage_share.values()), made.exit_code) == (0.0, 0.0, 0)


@pytest.mark.parametrize(
    "counts, code",
    [
        ({"ready": 1}, 0),
        ({"no_face": 1}, 0),
        ({"already_done": 1, "same_bytes": 1}, 0),
        ({"ready": 1, "quarantined": 1}, 3),
        ({"ready": 1, "partial": 1}, 3),
        ({"still_quarantined": 1}, 3),
    ],
)
def test_something_in_quarantine_is_exit_code_3(counts, code):
    made = summary(counts)
    assert made.exit_code == code
    assert made.outcome == ("quarantined" if code else "done")


def test_it_is_json_and_comes_back_as_it_was():
    made = summary({"ready": 1, "frames": 9}, {"decode": 1.0})
    assert json.loads(json.dumps(made.to_dict())) == made.to_dict()


def test_its_lines_say_what_a_person_wants_to_know():
    made = summary(
        {"ready": 35, "no_face": 2, "quarantined": 1, "partial": 1, "same_bytes": 4, "frames": 5404, "faces": 5207},
        {"decode": 1, "detect": 3}, seconds=10.0, found=42, passed_over=2,
    )  # fmt: skip
    made.mean_frame_count, made.contact_sheet = 241.6, "/lake/reports/r1/contact_sheet.jpg"
    text = "\n".join(made.lines())
    for words in (
        "42 videos: 35 ready, 2 without a usable face, 4 the same bytes as another, 1 quarantined",
        "5,404 frames, 5,207 faces in 10.0 s (540 frames/s, 521 faces/s)",
        "decode 25%, detect 75%, encode 0%, commit 0%",
        "mean frame count 242: the source report's threshold, logged and not applied",
        "fakelake quarantine ls",
        "/lake/reports/r1/contact_sheet.jpg",
    ):
        assert words in text


def test_its_lines_leave_out_what_did_not_happen():
    text = "\n".join(summary({"ready": 1}, found=1).lines())
    for words in ("quarantine", "already", "same bytes", "passed over", "look at"):
        assert words not in text
