"""Training clips come in pairs, each in its turn, and the same ones after a restart."""

import numpy as np
import pytest
import torch

from fakelake.models.detector.augment import Augmentation
from fakelake.models.detector.clips import OneClassOnly, PairedClips, batches, padded
from tests.models.detector.pictures import MadeVideos, made_clip


def pairs(labels, blended=0.0, **settings):
    return PairedClips(MadeVideos(labels), frames=6, blended=blended, augment=None, seed=7, **settings)


def test_every_batch_holds_as_many_fakes_as_reals_whatever_the_lake_holds():
    for clips, mask, labels in batches(pairs([0] * 3 + [1] * 11), batch=4, epoch=0, first_step=0, workers=0):
        assert clips.dtype == torch.uint8 and clips.shape[1:] == (6, 3, 64, 64) and mask.all()
        assert labels.float().mean() == 0.5


def test_every_video_of_the_larger_class_comes_once_an_epoch():
    data = pairs([0] * 3 + [1] * 11)
    for item in range(len(data)):
        data[0, item]
    fakes = [video for video in data.source.reads if video >= 3]
    assert sorted(fakes) == list(range(3, 14))


def test_epochs_differ_and_the_same_epoch_does_not():
    data = pairs([0] * 8 + [1] * 8)

    def order(epoch):
        data.source.reads.clear()
        for item in range(8):
            data[epoch, item]
        return list(data.source.reads)

    assert order(0) == order(0) != order(1)


def test_a_lake_without_fakes_trains_on_blends_of_the_very_real_clip():
    data = PairedClips(MadeVideos([0, 0]), frames=6, blended=1.0, augment=None, seed=7)
    clips, _, labels = data[0, 0]
    assert labels.tolist() == [0, 1] and len(data) == 2
    assert 0 < (clips[0].float() - clips[1].float()).abs().mean() < 60
    assert len(data.source.reads) == 1


def test_real_and_fake_both_go_through_the_augmentation():
    data = PairedClips(
        MadeVideos([0, 1]), frames=6, blended=0.0, seed=7,
        augment=Augmentation(flip=0, move=0, colour=0, grey=1, jpeg=0, h264=0, rescale=0, blur=0, noise=0),
    )  # fmt: skip
    clips, _, _ = data[0, 0]
    assert (clips[:, :, 0] == clips[:, :, 1]).all()


def test_a_batch_after_a_restart_is_the_one_that_would_have_come():
    data = PairedClips(MadeVideos([0] * 9), frames=6, blended=1.0, augment=Augmentation(), seed=7)
    whole = list(batches(data, batch=4, epoch=2, first_step=0, workers=0))
    rest = list(batches(data, batch=4, epoch=2, first_step=3, workers=0))
    assert len(whole) == 5 and len(rest) == 2
    assert torch.equal(whole[3][0], rest[0][0]) and torch.equal(whole[4][0], rest[1][0])


def test_short_clips_are_padded_behind_and_masked():
    clips, mask = padded([made_clip(0, frames=2), made_clip(1, frames=4)], 4)
    assert mask.tolist() == [[True, True, False, False], [True] * 4]
    assert not clips[0, 2:].any()
    np.testing.assert_array_equal(clips[1, 3].permute(1, 2, 0).numpy(), made_clip(1, frames=4)[3])


def test_readers_in_processes_of_their_own_give_the_same_batches():
    data = PairedClips(MadeVideos([0, 0, 1, 1]), frames=6, blended=0.5, augment=None, seed=7)
    here, apart = (list(batches(data, batch=2, epoch=0, first_step=0, workers=n)) for n in (0, 1))
    assert all(torch.equal(a[0], b[0]) for a, b in zip(here, apart, strict=True))


@pytest.mark.parametrize("labels, remedy", [([1, 1], "--label real"), ([0, 0], "--set blended=1")])
def test_one_class_only_is_refused_with_the_remedy(labels, remedy):
    with pytest.raises(OneClassOnly, match=remedy):
        pairs(labels)
