"""What people type is held against the types that a recipe names."""

import pytest

from fakelake.models.detector.recipes import RECIPES


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"epochs": "abc"}, "epochs is a whole number, not 'abc'"),
        ({"epochs": 2.5}, "epochs is a whole number"),
        ({"blended": "x"}, "blended is a number or none"),
        ({"learning_rate": "fast"}, "learning_rate is a number"),
        ({"patience": True}, "patience is a whole number or none"),
        ({"seed": None}, "seed is a whole number"),
        ({"trunk": 50}, "trunk is a word"),
        ({"frames": "many"}, "frames is a whole number"),
        ({"hidden": 0}, "hidden at least 1"),
        ({"px": 0}, "px is at least"),
        ({"dropout": 1.0}, "dropout"),
        ({"ema": 5.0}, "ema is a decay"),
        ({"learning_rate": 0}, "learning_rate is above 0"),
    ],
)
def test_a_setting_of_the_wrong_kind_is_refused_by_its_name(changes, says):
    with pytest.raises(ValueError, match=says):
        RECIPES["light"]().changed(changes)


def test_a_whole_number_will_do_for_a_number():
    recipe = RECIPES["light"]().changed({"learning_rate": 1, "ema": None, "blended": 1})
    assert (recipe.learning_rate, recipe.ema, recipe.blended) == (1.0, None, 1.0)
    assert type(recipe.learning_rate) is float
