"""Who is champion: the gate's decisions and a person's word, each with a row that says why."""

import shutil
from types import SimpleNamespace

import pytest

from fakelake.catalog.lake import Lake
from fakelake.catalog.scores import champion
from fakelake.flows.promote import Decision, decide, promote_by_hand, roll_back
from fakelake.infra.model_store import CHAMPION, ModelMissing
from fakelake.tasks.judge import judge
from tests.infra.stores import new_store
from tests.tasks.detectors import all_knowing, bundle_of, judged_as, opinionated, plan_of, undecided
from tests.tasks.evaluated import calibration
from tests.tasks.lake_of_faces import NOW, lake_of_faces, people


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A lake and, registered in its store, version 1 that knows nothing, 2 that guesses, and 3 whose files are gone."""
    root = tmp_path_factory.mktemp("promote")
    lake = lake_of_faces(root / "lake", people(60, frames=5))
    plan = plan_of(lake)
    store = new_store(root / "store")
    for name, detector in (("1", undecided()), ("2", opinionated()), ("3", undecided())):
        with store.run("detector", name, {}) as run:
            store.register("detector", run, bundle_of(root / name, detector, split_id=plan.split_id), {})
    shutil.rmtree(next((root / "store" / "artifacts" / "detector" / run.run_id).glob("artifacts/model")))
    return root, plan


@pytest.fixture
def gate(made, tmp_path):
    """decide(version, judged) on a copy of the lake and of the store's records."""
    root, plan = made
    for name in ("lake", "store"):
        shutil.copytree(root / name, tmp_path / name)
    lake = Lake.open(tmp_path / "lake")
    store = new_store(tmp_path / "store")

    def decided(version, judged, calibrated=True):
        found = SimpleNamespace(calibration=calibration() if calibrated else None, test=judged)
        return decide(lake, store, version, found, plan, "run")

    return SimpleNamespace(lake=lake, store=store, plan=plan, decide=decided)


def promotions(gate):
    rows = gate.lake.read("promotions").to_pylist()
    return sorted(rows, key=lambda row: row["at"])


def test_the_first_calibrated_model_is_promoted(gate):
    decision = gate.decide("1", all_knowing(gate.plan))
    assert decision == Decision(True, "version 1 is champion: there was no champion yet")
    (row,) = promotions(gate)
    assert (row["model_version"], row["replaced"], row["outcome"], row["by"]) == ("1", None, "promoted", "the gate")
    assert (row["split_id"], row["run_id"], row["metric"]) == (gate.plan.split_id, "run", "video auc")
    assert champion(gate.lake) == gate.store.version("detector", CHAMPION) == "1"


def test_a_better_challenger_takes_its_place_with_the_figures_on_record(gate):
    gate.decide("1", all_knowing(gate.plan))
    decision = gate.decide("2", all_knowing(gate.plan))
    assert decision.promoted and "against version 1 on the test part: auc +0.500" in decision.text
    row = promotions(gate)[1]
    assert (row["replaced"], row["challenger"], row["champion"]) == ("1", 1.0, 0.5)
    assert 0 < row["low"] <= row["high"]
    assert champion(gate.lake) == gate.store.version("detector", CHAMPION) == "2"


def test_an_equal_one_is_refused_and_stays_challenger(gate):
    gate.decide("2", all_knowing(gate.plan))
    decision = gate.decide("3", judge(opinionated(), gate.plan.parts["test"], blended=False))
    assert not decision.promoted and "the interval does not show it to be better" in decision.text
    assert [row["outcome"] for row in promotions(gate)] == ["promoted", "refused"]
    assert promotions(gate)[1]["low"] == promotions(gate)[1]["high"] == 0
    assert champion(gate.lake) == gate.store.version("detector", CHAMPION) == "2"


def test_a_worse_one_is_refused(gate):
    gate.decide("1", all_knowing(gate.plan))
    wrong = judged_as(all_knowing(gate.plan), lambda label: -1.0 if label else 1.0)
    assert not gate.decide("2", wrong).promoted
    assert champion(gate.lake) == "1"


@pytest.mark.parametrize("first", [True, False])
def test_an_uncalibrated_one_is_refused_even_as_the_first(gate, first):
    if not first:
        gate.decide("1", all_knowing(gate.plan))
    decision = gate.decide("2", all_knowing(gate.plan), calibrated=False)
    assert not decision.promoted and "could not be calibrated" in decision.text
    assert champion(gate.lake) == (None if first else "1")
    assert promotions(gate)[-1]["outcome"] == "refused"


@pytest.mark.parametrize("lost", ["3", "99"])
def test_against_a_champion_that_is_lost_nothing_is_claimed_and_the_decision_is_on_record(gate, lost):
    gate.lake.append("promotions", [{"model": "detector", "model_version": lost, "outcome": "promoted", "at": NOW}])
    decision = gate.decide("2", all_knowing(gate.plan))
    assert not decision.promoted and "not comparable" in decision.text
    assert champion(gate.lake) == lost
    assert len(promotions(gate)) == 2


def test_a_persons_word_overrules_the_gate_and_is_on_record(gate):
    gate.decide("2", all_knowing(gate.plan))
    gate.decide("1", all_knowing(gate.plan), calibrated=False)
    decision = promote_by_hand(gate.lake, gate.store, "1", "ann", "the newer one cannot run here")
    assert decision.promoted
    row = promotions(gate)[-1]
    assert (row["model_version"], row["replaced"], row["by"]) == ("1", "2", "ann")
    assert (row["reason"], row["outcome"], row["metric"]) == ("the newer one cannot run here", "promoted", None)
    assert champion(gate.lake) == gate.store.version("detector", CHAMPION) == "1"
    assert [r["model_version"] for r in promotions(gate)] == ["2", "1", "1"], "nothing is overwritten"


def test_a_person_may_name_the_challenger_but_not_a_version_that_is_not_there(gate):
    assert promote_by_hand(gate.lake, gate.store, "challenger", "ann", "for a test").text.startswith("version 3 is")
    with pytest.raises(ModelMissing, match="versions 1, 2, 3"):
        promote_by_hand(gate.lake, gate.store, "9", "ann", "a slip")
    assert len(promotions(gate)) == 1


def test_a_rollback_makes_the_champion_before_champion_again_and_says_why(gate):
    gate.decide("1", all_knowing(gate.plan))
    gate.decide("2", all_knowing(gate.plan))
    decision = roll_back(gate.lake, gate.store, "ann", "too many false alarms")
    assert decision.text == "version 1 is champion: rolled back from version 2: too many false alarms"
    row = promotions(gate)[-1]
    assert (row["model_version"], row["replaced"], row["by"]) == ("1", "2", "ann")
    assert champion(gate.lake) == gate.store.version("detector", CHAMPION) == "1"


def test_a_second_rollback_goes_further_back_and_not_forth(gate):
    for version in ("1", "3", "2"):
        promote_by_hand(gate.lake, gate.store, version, "ann", "a try")
    assert [roll_back(gate.lake, gate.store, "ann", "why").text[:9] for _ in range(2)] == ["version 3", "version 1"]
    with pytest.raises(ModelMissing, match="No detector was champion of this lake before 1"):
        roll_back(gate.lake, gate.store, "ann", "why")


def test_after_a_rollback_a_new_champion_can_be_rolled_back_too(gate):
    for version in ("1", "2"):
        promote_by_hand(gate.lake, gate.store, version, "ann", "a try")
    roll_back(gate.lake, gate.store, "ann", "why")
    promote_by_hand(gate.lake, gate.store, "3", "ann", "better")
    assert roll_back(gate.lake, gate.store, "ann", "why").text.startswith("version 1 is champion")


def test_without_any_champion_there_is_nothing_to_go_back_to(gate):
    with pytest.raises(ModelMissing, match="nothing to go back to"):
        roll_back(gate.lake, gate.store, "ann", "why")
