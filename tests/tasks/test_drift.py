from math import log

import numpy as np
import pytest

from fakelake.tasks.drift import (
    BY_CHANCE,
    Limits,
    Side,
    binned,
    chance_of_psi,
    compare,
    drift_of_counts,
    drift_of_values,
    psi,
    quantile_edges,
)

LIMITS = Limits(psi=0.2, ks=0.2, least=50)


def values(seed, count, mean=0.0, deviation=1.0):
    return np.random.default_rng(seed).normal(mean, deviation, count)


# --- the population stability index


def psi_by_the_book(reference, recent):
    """One bin after the other, half a video more in each."""
    total, bins = 0.0, len(reference)
    for was, now in zip(reference, recent, strict=True):
        q = (was + 0.5) / (sum(reference) + 0.5 * bins)
        r = (now + 0.5) / (sum(recent) + 0.5 * bins)
        total += (r - q) * log(r / q)
    return total


@pytest.mark.parametrize("counts", [([10, 20, 70], [30, 30, 40]), ([5, 0, 0, 95], [0, 7, 0, 3]), ([1, 9], [90, 10])])
def test_the_psi_is_that_of_its_formula(counts):
    assert psi(*counts) == pytest.approx(psi_by_the_book(*counts))


def test_the_psi_of_many_comparisons_at_once_is_that_of_each():
    reference, recent = np.array([[10, 20, 70], [1, 1, 1]]), np.array([[30, 30, 40], [0, 0, 9]])
    each = [psi_by_the_book(a, b) for a, b in zip(reference.tolist(), recent.tolist(), strict=True)]
    assert psi(reference, recent) == pytest.approx(each)


def test_equal_shares_have_no_psi_and_it_does_not_matter_which_side_is_which():
    assert psi([10, 10], [300, 300]) == 0
    assert psi([10, 20], [9, 1]) == pytest.approx(psi([9, 1], [10, 20])) != 0


def test_an_empty_bin_gives_a_finite_figure():
    assert 1 < psi([100, 0], [0, 100]) < 20
    assert psi([100, 0, 0], [50, 0, 0]) < 0.02


def test_bins_hold_a_tenth_of_the_reference_each_and_the_outer_two_are_open():
    reference = np.arange(1000.0)
    edges = quantile_edges(reference)
    assert binned(reference, edges).tolist() == [100] * 10
    assert binned(np.array([-1e9, 1e9]), edges).tolist() == [1, *[0] * 8, 1]


def test_many_equal_values_make_fewer_bins_and_lose_no_video():
    reference = np.array([0.0] * 60 + [1.0] * 40)
    edges = quantile_edges(reference)
    assert binned(reference, edges).sum() == 100 and len(edges) < 9


# --- values


def test_two_samples_of_one_archive_have_not_drifted_however_small():
    """A PSI above .2 alone would raise an alarm in most of these."""
    found = [drift_of_values("score", values(2 * i, 50), values(2 * i + 1, 50), LIMITS) for i in range(200)]
    assert not any(drift.drifted for drift in found)
    assert sum(drift.psi >= 0.2 for drift in found) > 100


def test_a_shift_of_a_standard_deviation_is_found():
    was, now = values(0, 400, 100, 10), values(1, 100, 90, 10)
    drift = drift_of_values("face_height", was, now, LIMITS, unit=" px")
    assert drift.drifted and drift.p < BY_CHANCE
    assert (drift.reference_n, drift.recent_n, drift.threshold, drift.ks_threshold) == (400, 100, 0.2, 0.2)
    # Of normal distributions a deviation apart KS is .383 and PSI 1.
    assert drift.ks == pytest.approx(0.383, abs=0.1) and drift.psi == pytest.approx(1, abs=0.4)
    assert drift.words.startswith(f"median {np.median(now):.4g} px, was {np.median(was):.4g} px (PSI 1.")


def test_the_ks_statistic_is_the_largest_distance_of_the_distribution_functions():
    reference, recent = values(0, 80), values(1, 60, 0.7)
    distance = max(abs((reference <= x).mean() - (recent <= x).mean()) for x in [*reference, *recent])
    assert drift_of_values("score", reference, recent, LIMITS).ks == pytest.approx(distance)


def test_a_sure_but_small_shift_is_no_drift():
    drift = drift_of_values("score", values(0, 50_000), values(1, 50_000, 0.1), LIMITS)
    assert drift.drifted is False and drift.p < BY_CHANCE


def test_values_that_spread_around_the_same_middle_have_drifted_by_their_psi():
    drift = drift_of_values("score", values(0, 2000), values(1, 2000, 0, 1.7), LIMITS)
    assert drift.drifted and drift.ks < 0.2 <= drift.psi


def test_a_measure_that_never_changed_and_now_does_is_found_by_its_ks():
    drift = drift_of_values("face_height", np.full(60, 100.0), np.full(60, 101.0), LIMITS)
    assert drift.drifted and drift.ks == 1


@pytest.mark.parametrize(("reference", "recent"), [(49, 400), (400, 49), (0, 0)])
def test_too_few_videos_are_said_to_be_too_few_and_raise_no_alarm(reference, recent):
    drift = drift_of_values("score", values(0, reference), values(1, recent, 9), LIMITS)
    assert (drift.drifted, drift.psi, drift.ks, drift.p) == (None, None, None, None)
    assert drift.words.startswith("not told") and "50 a side are needed" in drift.words


def test_the_words_name_the_side_that_is_short():
    assert "12 recent videos" in drift_of_values("score", values(0, 400), values(1, 12), LIMITS).words


# --- categories


def test_a_codec_that_was_never_there_is_found_and_named():
    drift = drift_of_counts("codec", {"h264": 300, "hevc": 20}, {"h264": 60, "av1": 40}, LIMITS)
    assert drift.drifted and drift.ks is None and drift.ks_threshold is None
    assert drift.words.startswith("av1 40.0% of videos, was 0.0%")


def test_the_same_mix_of_codecs_has_not_drifted():
    drift = drift_of_counts("codec", {"h264": 300, "hevc": 30, "vp9": 1}, {"h264": 100, "hevc": 9}, LIMITS)
    assert drift.drifted is False and drift.psi < 0.1


def test_a_mix_of_many_codecs_that_is_dealt_out_by_lot_raises_no_alarm():
    """Fifty videos of forty codecs: the PSI is large by chance alone, and p knows it."""
    rng, names = np.random.default_rng(0), [f"codec {i}" for i in range(40)]
    was, now = (dict(zip(names, rng.multinomial(60, [1 / 40] * 40).tolist(), strict=True)) for _ in range(2))
    drift = drift_of_counts("codec", was, now, LIMITS)
    assert drift.psi > 0.2 and drift.p > 0.01 and drift.drifted is False


def test_more_videos_without_a_face_are_found():
    drift = drift_of_counts("no_face", {"with": 490, "no": 10}, {"with": 80, "no": 20}, LIMITS, told="no")
    assert drift.drifted and drift.words.startswith("no 20.0% of videos, was 2.0%")


def test_chance_is_that_of_fishers_exact_test_where_that_one_exists():
    from scipy.stats import fisher_exact

    was, now = np.array([55, 5]), np.array([45, 15])
    assert chance_of_psi(was, now) == pytest.approx(fisher_exact([was, now]).pvalue, abs=0.01)
    assert chance_of_psi(was, was) == 1


# --- everything at once


def side(count, *, logit=0.0, height=100.0, codec="h264"):
    return Side(
        scores=values(0, count, logit), face_heights=values(1, count, height, 10), sharpness=values(2, count, 50, 5),
        faces={"with a face": count, "no face": 2}, codecs={codec: count + 2},
    )  # fmt: skip


def test_each_measure_drifts_by_itself():
    found = compare(side(300), side(100, height=60, codec="av1"), LIMITS)
    assert {drift.measure: drift.drifted for drift in found} == {
        "score": False, "face_height": True, "sharpness": False, "no_face": False, "codec": True
    }  # fmt: skip
