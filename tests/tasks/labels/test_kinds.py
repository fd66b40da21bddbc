import pytest

from fakelake.tasks.labels import LabelListError, detect_kind, import_labels
from fakelake.tasks.labels.kinds import labels_from_names


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("1 Celeb-real/id1_0007.mp4", "celebdf"),
        ("YouTube-real/00000.mp4", "celebdf"),
        ("manipulated_sequences/Face2Face/c40/videos/000_003.mp4", "faceforensics"),
        ("3 id10270/5r0dWxy17C8/00001.wav", "voxceleb"),
    ],
)
def test_a_text_file_is_recognised_by_the_names_in_it(tmp_path, line, kind):
    file = tmp_path / "names.txt"
    file.write_text(f"\n{line}\n")
    assert detect_kind(file) == kind
    assert len(import_labels(file).entries) == 1


@pytest.mark.parametrize("folder", ["manipulated_sequences", "original_sequences", "NeuralTextures"])
def test_faceforensics_is_recognised_by_its_folders(tmp_path, folder):
    (tmp_path / folder).mkdir()
    assert detect_kind(tmp_path) == "faceforensics"


def test_what_is_not_recognised_asks_for_the_kind(tmp_path):
    (tmp_path / "names.txt").write_text("holiday.mp4\n")
    for place in (tmp_path, tmp_path / "names.txt"):
        with pytest.raises(LabelListError, match="--kind"):
            import_labels(place)


def test_a_list_that_is_not_there_says_so(tmp_path):
    with pytest.raises(LabelListError, match="no such file"):
        import_labels(tmp_path / "gone.csv")


def test_an_unknown_kind_lists_the_known_ones(tmp_path):
    with pytest.raises(LabelListError, match="celebdf, faceforensics, dfdc, voxceleb, folder, csv"):
        import_labels(tmp_path, "imagenet")


def test_a_meaning_of_one_is_refused_where_the_list_has_its_own(tmp_path):
    (tmp_path / "names.txt").write_text("1 Celeb-real/id1_0007.mp4\n")
    with pytest.raises(LabelListError, match="one meaning"):
        import_labels(tmp_path / "names.txt", one_means="fake")


def test_names_alone_make_a_list_only_where_names_carry_labels():
    assert labels_from_names("celebdf", ["/x/Celeb-real/id1_0007.mp4"]).entries[0].label == "real"
    with pytest.raises(LabelListError, match="no labels"):
        labels_from_names("dfdc", ["aagfhgtpmv.mp4"])
