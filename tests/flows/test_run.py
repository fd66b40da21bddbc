import logging
import sys

import pytest

from fakelake.catalog.recipe import RECIPES
from fakelake.flows import run
from fakelake.flows.ingest import make_recipe
from fakelake.flows.run import parse_changes
from fakelake.tasks.swap.errors import SwapNotPermitted


def test_a_setting_gets_the_value_of_its_own_type():
    said = ["stride=3", "crop_margin=.3", "max_frames=none", "detector=whole-frame", "min_face_px=32"]
    changes = parse_changes(said)
    assert changes == {
        "stride": 3, "crop_margin": 0.3, "max_frames": None, "detector": "whole-frame", "min_face_px": 32.0
    }  # fmt: skip
    assert type(changes["min_face_px"]) is float


def test_a_setting_said_as_it_is_anyway_leaves_the_recipe_what_it_was():
    usual = make_recipe("paper", {})
    assert make_recipe("paper", parse_changes(["min_face_px=24", "stride=1"])).recipe_id == usual.recipe_id
    assert make_recipe("paper", parse_changes(["min_face_px=25"])).recipe_id != usual.recipe_id


@pytest.mark.parametrize(
    "change, words",
    [
        ("stride", "write setting=value"),
        ("colour=red", "stride"),
        ("stride=3.5", "a whole number"),
        ("stride=none", "a whole number"),
        ("max_frames=all", "a whole number or none"),
        ("crop_margin=wide", "a number"),
        ("crop_margin=nan", "a number"),
        ("detector_sha256=0", "write setting=value"),
        ("name=mine", "write setting=value"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(change, words):
    with pytest.raises(ValueError, match=words) as caught:
        parse_changes([change])
    assert change in str(caught.value)


def test_every_recipe_has_a_name_that_can_be_asked_for():
    for name in RECIPES:
        assert make_recipe(name, {}).name == name
    with pytest.raises(ValueError, match="known are paper, archive, face-clips"):
        make_recipe("cake", {})


def test_prefects_console_leaves_out_the_tracebacks_of_refusals_and_of_nothing_else(monkeypatch):
    def logged(error):
        try:
            raise error
        except Exception:
            return run._no_refusal(logging.makeLogRecord({"exc_info": sys.exc_info()}))

    assert not logged(SwapNotPermitted("ask first"))
    assert logged(KeyError("a fault of ours")) and run._no_refusal(logging.makeLogRecord({}))
    monkeypatch.setenv("FAKELAKE_TRACEBACK", "1")
    assert logged(SwapNotPermitted("ask first"))


def test_prefects_console_is_told_to():
    import prefect.main  # noqa: F401 - sets its console up
    from prefect.logging.handlers import PrefectConsoleHandler

    console = PrefectConsoleHandler()
    logging.getLogger().addHandler(console)  # pytest has handlers of its own
    run.hush_refusals()
    logging.getLogger().removeHandler(console)
    assert run._no_refusal in console.filters
