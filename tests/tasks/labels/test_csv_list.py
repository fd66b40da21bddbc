import pytest

from fakelake.tasks.labels import LabelListError, import_labels


def read(tmp_path, text, name="list.csv", **options):
    file = tmp_path / name
    file.write_text(text)
    return import_labels(file, **options).entries


def test_words_need_no_explanation(tmp_path):
    entries = read(tmp_path, "path,label\na.mp4,REAL\nb.mp4, fake\n")
    assert [(entry.path, entry.label) for entry in entries] == [("a.mp4", "real"), ("b.mp4", "fake")]


def test_bare_numbers_are_refused_not_guessed(tmp_path):
    with pytest.raises(LabelListError, match=r"line 2.*--one-means"):
        read(tmp_path, "path,label\na.mp4,1\n")


@pytest.mark.parametrize(
    ("column", "label"), [("label_is_fake", "fake"), ("is_fake", "fake"), ("label_is_real", "real"), ("real", "real")]
)
def test_a_columns_name_can_say_what_one_means(tmp_path, column, label):
    one, zero = read(tmp_path, f"path,{column}\na.mp4,1\nb.mp4,0\n")
    assert one.label == label
    assert zero.label != label


@pytest.mark.parametrize("one_means", ["fake", "real"])
def test_the_person_who_imports_can_say_what_one_means(tmp_path, one_means):
    one, zero = read(tmp_path, "path,label\na.mp4,1\nb.mp4,0\n", one_means=one_means)
    assert one.label == one_means
    assert zero.label != one_means


def test_a_column_and_a_person_that_contradict_each_other_are_refused(tmp_path):
    with pytest.raises(LabelListError, match="Drop one"):
        read(tmp_path, "path,label_is_fake\na.mp4,1\n", one_means="real")


def test_another_word_is_refused_with_its_line(tmp_path):
    with pytest.raises(LabelListError, match=r"line 3.*'maybe'"):
        read(tmp_path, "path,label\na.mp4,real\nb.mp4,maybe\n")


def test_a_line_with_a_cell_too_few_is_refused(tmp_path):
    with pytest.raises(LabelListError, match=r"line 2.*1 cells"):
        read(tmp_path, "path,label\na.mp4\n")


def test_a_list_without_a_column_for_the_file_is_refused(tmp_path):
    with pytest.raises(LabelListError, match="names the file"):
        read(tmp_path, "clip_number,label\n1,real\n")


def test_two_columns_of_names_and_words_need_no_header(tmp_path):
    entries = read(tmp_path, "000.mp4,REAL\n000_003.mp4,FAKE\n")
    assert [(entry.path, entry.label) for entry in entries] == [("000.mp4", "real"), ("000_003.mp4", "fake")]


def test_identities_are_named_within_their_data_set(tmp_path):
    text = "path,label,identity,source_identity\na.mp4,fake,id3,celebdf:id5\n"
    assert read(tmp_path, text)[0].target_identity == "csv:id3"
    entry = read(tmp_path, text, dataset="mine")[0]
    assert (entry.target_identity, entry.source_identity) == ("mine:id3", "celebdf:id5")


def test_a_column_of_originals_groups_a_fake_with_what_it_was_made_of(tmp_path):
    entries = read(tmp_path, "filename,label,original\na.mp4,FAKE,b.mp4\nb.mp4,REAL,\n", dataset="dfdc")
    assert [entry.target_identity for entry in entries] == ["dfdc:b", "dfdc:b"]


def test_a_name_with_a_comma_a_quote_and_bytes_that_are_not_utf8_survives(tmp_path):
    (tmp_path / "list.csv").write_bytes(b'path,label\n"a, ""b"" \xff.mp4",fake\n')
    assert import_labels(tmp_path / "list.csv").entries[0].path == 'a, "b" \udcff.mp4'


def test_tabs_separate_the_cells_of_a_tsv(tmp_path):
    assert read(tmp_path, "path\tlabel\na, b.mp4\tfake\n", name="list.tsv")[0].path == "a, b.mp4"


def test_an_empty_list_is_refused(tmp_path):
    with pytest.raises(LabelListError, match="empty"):
        read(tmp_path, "\n")
