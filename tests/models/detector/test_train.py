"""Training learns, stops, resumes and refuses as it says."""

import dataclasses
import math
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from fakelake.models.checkpoint import OtherTraining, TrainingDiverged
from fakelake.models.detector.network import Detector, DetectorConfig
from fakelake.models.detector.recipes import RECIPES, TrainRecipe
from fakelake.models.detector.train import train
from fakelake.models.detector.validation import HeldOut, validate
from tests.models.detector.pictures import MadeVideos, made_clip

NETWORK = DetectorConfig(trunk="mobilenet_v2", hidden=32, dropout=0.0, frames=6, px=64)
RECIPE = TrainRecipe(name="test", network=NETWORK, weights="scratch", learning_rate=1e-3, weight_decay=0.0, epochs=2)


def held_out(labels=(0, 1, 0, 1)):
    source = MadeVideos(list(labels))
    clips = [source.read(video, 6, None).frames for video in range(len(labels))]
    return HeldOut(clips, labels)


def run(directory, recipe=RECIPE, labels=(0, 1, 0, 1), blended=0.0, **more):
    torch.manual_seed(0)
    detector = Detector(recipe.network)
    return detector, train(detector, MadeVideos(list(labels)), held_out(), recipe, blended, directory, **more)


def test_one_batch_of_eight_clips_is_learnt_by_heart(tmp_path):
    recipe = dataclasses.replace(RECIPE, batch=8, epochs=40)
    labels = [0, 1] * 4
    _, progress = run(tmp_path, recipe, labels)
    assert progress.history[-1].accuracy == 1.0
    assert progress.history[-1].loss < 0.3 < progress.history[0].loss


def test_a_trained_lstm_minds_the_order_of_frames():
    """A flash that comes early is real and one that comes late is fake: frames as such say nothing."""
    torch.manual_seed(0)
    detector = Detector(NETWORK)
    clips = np.stack([made_clip(0)] * 2)
    clips[0, 0] = clips[1, 5] = 255
    pictures = torch.from_numpy(clips.transpose(0, 1, 4, 2, 3).copy())
    mask, labels = torch.ones(2, 6, dtype=torch.bool), torch.tensor([0, 1])
    optimizer = torch.optim.Adam(detector.parameters(), 3e-3)
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(detector(pictures, mask), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1
    with torch.no_grad():
        straight, shuffled = detector(pictures, mask), detector(pictures.flip(1), mask)
    assert (straight[1, 1] - straight[1, 0]) > 1 and (shuffled[1, 1] - shuffled[1, 0]) < -1


def test_the_weights_of_the_best_epoch_are_kept(tmp_path):
    detector, progress = run(tmp_path, dataclasses.replace(RECIPE, epochs=4))
    best = progress.history[progress.best_epoch]
    assert best.val["log_loss"] == min(epoch.val["log_loss"] for epoch in progress.history)
    assert validate(detector, held_out(), "fp32")["log_loss"] == pytest.approx(best.val["log_loss"], abs=1e-5)


def test_it_stops_when_validation_no_longer_gets_better(tmp_path):
    recipe = dataclasses.replace(RECIPE, epochs=30, patience=2, learning_rate=3e-3)
    _, progress = run(tmp_path, recipe)
    assert len(progress.history) == progress.best_epoch + 3 < 30


def test_a_training_that_is_killed_goes_on_from_its_last_checkpoint_and_ends_the_same(tmp_path):
    code = f"""
import sys, pathlib
from fakelake.models.detector import train
from tests.models.detector import test_train
train.SAVE_EVERY_S = 0
save = train.save_whole
def told(state, path):
    save(state, path)
    if path.name == "last.pt":
        print("saved", flush=True)
train.save_whole = told
test_train.run(pathlib.Path({str(tmp_path / "killed")!r}))
"""
    worker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    for _ in range(3):  # past the end of the first epoch
        assert worker.stdout.readline() == "saved\n"
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    resumed, progress = run(tmp_path / "killed")
    whole, wanted = run(tmp_path / "whole")
    assert [epoch.epoch for epoch in progress.history] == [0, 1]
    assert progress.history[1].loss == pytest.approx(wanted.history[1].loss, rel=1e-3)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=1e-2, atol=1e-3)


def test_a_finished_training_that_is_started_again_trains_no_more(tmp_path):
    _, before = run(tmp_path)
    seen = []
    _, again = run(tmp_path, on_epoch=seen.append)
    assert seen == [] and len(again.history) == len(before.history)


def test_a_checkpoint_of_other_settings_is_not_taken_up(tmp_path):
    run(tmp_path)
    with pytest.raises(OtherTraining, match="other settings"):
        run(tmp_path, dataclasses.replace(RECIPE, learning_rate=2e-3))


def test_a_loss_that_is_no_number_stops_with_the_remedy(tmp_path):
    recipe = dataclasses.replace(RECIPE, learning_rate=1e18, epochs=4)
    with pytest.raises(TrainingDiverged, match="Lower learning_rate"):
        run(tmp_path, recipe)


def test_the_average_of_the_weights_is_what_is_validated_and_kept(tmp_path):
    recipe = dataclasses.replace(RECIPE, ema=0.999999, epochs=1)
    torch.manual_seed(0)
    untrained = Detector(NETWORK)
    averaged, _ = run(tmp_path, recipe)
    # At this decay the average is still the first step's weights, which one Adam step moved by 1e-3 at most.
    moved = max((a - b).abs().max() for a, b in zip(averaged.parameters(), untrained.parameters(), strict=True))
    assert moved < 2.5e-3


def test_validation_weighs_both_classes_alike_and_knows_which_is_fake():
    detector, _ = Detector(NETWORK).eval(), None
    with torch.no_grad():
        detector.head.weight.zero_()
        detector.head.bias.copy_(torch.tensor([0.0, 2.0]))  # says fake of everything
    figures = validate(detector, held_out((0, 0, 0, 1)), "fp32")
    assert figures["accuracy"] == 0.5 and figures["auc"] == 0.5
    assert figures["log_loss"] == pytest.approx((math.log1p(math.exp(2)) + math.log1p(math.exp(-2))) / 2, rel=1e-4)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_survives_the_way_through_a_file(name):
    recipe = RECIPES[name]()
    assert TrainRecipe.from_json(recipe.to_json()) == recipe


def test_the_paper_s_recipe_is_the_paper_s():
    recipe = RECIPES["paper"]()
    assert (recipe.learning_rate, recipe.weight_decay, recipe.batch, recipe.epochs) == (1e-5, 1e-3, 4, 20)
    assert recipe.augmentation is None and recipe.blended == 0 and recipe.network == DetectorConfig()


def test_settings_are_changed_by_name_and_unknown_ones_refused():
    changed = RECIPES["paper"]().changed({"frames": 40, "epochs": 3, "temporal": "mean"})
    assert (changed.network.frames, changed.epochs, changed.network.temporal) == (40, 3, "mean")
    with pytest.raises(ValueError, match="no setting lerning_rate"):
        changed.changed({"lerning_rate": 1})
