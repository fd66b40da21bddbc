import numpy as np
import pytest

from fakelake.tasks.metadata_check import COLUMNS, features, metadata_check


def files(count, *, seed=0, **giveaway):
    """`videos` rows, their labels and people (two files each); a fake takes each column of `giveaway`."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    rows = [
        {
            "codec": str(rng.choice(["h264", "hevc"])), "container": str(rng.choice(["mp4", "mkv"])),
            "fps": float(rng.choice([25, 29.97, 30])), "width": int(rng.choice([640, 1280])), "height": 720,
            "duration_s": float(rng.uniform(5, 20)), "bytes": int(rng.uniform(1e6, 5e6)),
            "has_audio": bool(rng.integers(2)), **(giveaway if label else {}),
        }
        for label in labels
    ]  # fmt: skip
    return rows, labels, [f"p{i // 2}" for i in range(count)]


@pytest.mark.parametrize("seed", range(4))
def test_files_that_differ_by_chance_alone_stay_near_chance_without_a_warning(seed):
    found = metadata_check(*files(300, seed=seed), resamples=300)
    assert found.auc.low < 0.6
    assert abs(found.auc.value - 0.5) < 0.12
    assert found.warning is None


@pytest.mark.parametrize("column, value", [("codec", "mpeg4"), ("fps", 24.0), ("bytes", 100_000), ("has_audio", None)])
def test_a_loud_warning_names_the_column_that_gives_the_fakes_away(column, value):
    found = metadata_check(*files(200, **{column: value}), resamples=200)
    told = {"bytes": "bytes_per_s"}.get(column, column)
    assert found.auc.low > 0.9
    assert found.telling[0][0] == told
    assert found.warning.startswith("WARNING") and told in found.warning
    assert found.warning in found.as_text()


def test_a_file_format_that_only_marks_the_person_teaches_nothing_about_fakes():
    rng = np.random.default_rng(0)
    rows, people, labels = [], [], []
    for person in range(60):
        ordinary, _, _ = files(6, seed=person)
        quirk = {"width": int(rng.integers(300, 2000)), "fps": float(rng.uniform(10, 60))}
        rows += [{**row, **quirk} for row in ordinary]
        people += [f"p{person}"] * 6
        labels += [person % 2] * 6  # all of a person's files are fake, or none
    by_people = metadata_check(rows, labels, people, resamples=300)
    by_rows = metadata_check(rows, labels, [str(i) for i in range(360)], resamples=300)
    assert by_people.warning is None
    assert by_rows.warning is not None  # the same files, if people were allowed into two folds


@pytest.mark.parametrize(
    "labels, people, words",
    [
        ([0] * 30, range(30), "n=0 fake identities, needs 2"),
        ([0] * 20 + [1] * 12, [*range(20), *["one"] * 12], "n=1 fake identities, needs 2"),
        ([0] * 20 + [1] * 9, range(29), "n=9 fake videos, needs 10"),
    ],
)
def test_too_few_files_or_people_give_no_figure_and_no_warning(labels, people, words):
    rows, _, _ = files(len(labels))
    found = metadata_check(rows, labels, [str(person) for person in people])
    assert words in found.auc.as_text()
    assert (found.auc.value, found.warning) == (None, None)


def test_columns_are_numbers_and_one_column_a_name_and_nulls_are_told_apart_from_zero():
    rows, _, _ = files(2)
    rows[0] |= {"codec": "h264", "container": "mp4", "has_audio": None, "bytes": 1000, "duration_s": 4.0}
    rows[1] |= {"codec": None, "container": "mp4", "has_audio": False, "bytes": 1000, "duration_s": 0.0}
    table, columns = features(rows)
    assert columns == [*COLUMNS[:6], "codec", "codec", "container"]
    assert table[:, columns.index("has_audio")].tolist() == [-1, 0]
    assert table[:, columns.index("bytes_per_s")].tolist() == [250, -1]
    assert table[:, -3:].tolist() == [[1, 0, 1], [0, 1, 1]]


def test_rows_labels_and_people_must_be_as_many():
    rows, labels, people = files(30)
    with pytest.raises(ValueError, match="29 labels"):
        metadata_check(rows, labels[1:], people)
