"""Blurring the part that the detector looks at lowers the logit; blurring others does not."""

import numpy as np
import pytest

from fakelake.models.detector import infer
from fakelake.models.detector.infer import best_precision, score_clips
from fakelake.tasks import part_scores
from fakelake.tasks.facts import Window
from fakelake.tasks.part_scores import LEAST_AREA, REST, ScoreChanged, blurred, drops_of, replaced, with_rest
from tests.tasks.made_parts import EYES, FACE, MOUTH, looks_at, masks_of

BEARD = (0.0, 0.9, 1.0, 1.0)  # none of the parts


def noisy(frames=6):
    """Crops uint8 [T, 112, 112, 3] with contrast everywhere."""
    blocks = np.random.default_rng(1).integers(40, 255, (frames, 28, 28, 3), np.uint8)
    return blocks.repeat(4, 1).repeat(4, 2)


def window_of(detector, crops):
    (score,) = score_clips(detector, [crops], precision=best_precision("cpu"))
    return Window(track_id=0, number=0, start_s=0.0, end_s=1.0, frames=len(crops), logit=score.logit)


def measured(box, margin=0.0):
    detector, crops = looks_at(box, margin), noisy()
    drops = drops_of(window_of(detector, crops), crops, detector, margin, masks_of(FACE))
    return window_of(detector, crops).logit, {each.part: each for each in drops}


@pytest.mark.parametrize("margin", [0.0, 0.25])
@pytest.mark.parametrize(("box", "looked_at"), [(MOUTH, "mouth"), (EYES, "eyes"), (BEARD, REST)])
def test_the_logit_falls_with_the_part_that_the_detector_looks_at_and_with_no_other(box, looked_at, margin):
    logit, drops = measured(box, margin)
    assert drops[looked_at].drop > 0.6 * logit > 3
    for part in drops.keys() - {looked_at}:
        assert abs(drops[part].drop) < 0.15 * logit, part


def test_parts_outside_the_crop_are_left_out_and_the_rest_is_what_is_none_of_them():
    _, drops = measured(MOUTH)
    assert list(drops) == ["eyes", "mouth", REST]  # the hair is above the crop
    assert drops["mouth"].area == pytest.approx(0.5 * 0.25, rel=0.1)
    assert sum(each.area for each in drops.values()) == pytest.approx(1)
    whole = with_rest(["face", "dot"], np.stack([np.ones((1, 9, 9)), np.full((1, 9, 9), LEAST_AREA / 2)]))
    assert list(whole) == ["face"]


def test_what_is_blurred_shows_the_light_of_the_place_and_none_of_its_detail():
    stripes = np.zeros((1, 112, 112, 3), np.uint8)
    stripes[:, :, np.arange(112) % 20 < 10] = 200
    assert np.ptp(blurred(stripes, 0.0)[0, :, 36:-36].astype(int)) < 4  # far from the edge, which is repeated
    flat = np.full((1, 112, 112, 3), 90, np.uint8)
    assert (blurred(flat, 0.25) == 90).all()


def test_outside_the_mask_no_pixel_changes_and_under_half_a_mask_half_of_it_does():
    crops, soft, mask = noisy(1), np.zeros((1, 112, 112, 3), np.uint8), np.zeros((1, 112, 112), np.float32)
    mask[:, :50], mask[:, 50:60] = 1, 0.5
    made = replaced(crops, soft, mask)
    assert (made[:, 60:] == crops[:, 60:]).all() and (made[:, :50] == 0).all()
    assert np.abs(made[:, 50:60] - crops[:, 50:60] / 2).max() <= 0.5


def test_the_parts_of_a_window_cost_one_forward_each(monkeypatch):
    detector, crops, seen = looks_at(MOUTH), noisy(), []
    window, features = window_of(detector, crops), detector.features
    monkeypatch.setattr(detector, "features", lambda part: seen.append(len(part)) or features(part))
    drops = drops_of(window, crops, detector, 0.0, masks_of(FACE))
    assert sum(seen) == (len(drops) + 1) * len(crops)
    assert len(seen) == -(-sum(seen) // infer.BATCH["cpu"])


def test_with_another_model_than_the_one_that_scored_nothing_is_measured():
    crops = noisy()
    window = window_of(looks_at(MOUTH), crops)
    with pytest.raises(ScoreChanged, match="is on record"):
        drops_of(window, crops, looks_at(MOUTH, gain=10.0), 0.0, masks_of(FACE))


def test_the_scores_are_in_the_precision_that_scoring_uses(monkeypatch):
    asked = []
    monkeypatch.setattr(part_scores, "best_precision", lambda device: asked.append(str(device)) or "fp32")
    detector, crops = looks_at(MOUTH), noisy()
    drops_of(window_of(detector, crops), crops, detector, 0.0, masks_of(FACE))
    assert asked == ["cpu"]
