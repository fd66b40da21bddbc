import numpy as np
import pytest

from fakelake.models.faces.detector import DETECTORS, Detections, check_frames, load_detector
from fakelake.models.weights import REGISTRY, WeightsCorrupt, WeightsMissing


def test_an_unknown_detector_lists_the_known_ones():
    with pytest.raises(KeyError, match="retinaface-resnet50"):
        load_detector("mtcnn")


def test_every_detector_has_registered_weights():
    assert set(DETECTORS) <= set(REGISTRY)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_weights_file_that_is_not_there_is_an_error_never_a_random_network(name, tmp_path):
    with pytest.raises(WeightsMissing, match=r"none\.bin"):
        load_detector(name, weights=tmp_path / "none.bin")


@pytest.mark.parametrize("name", DETECTORS)
def test_a_weights_file_of_other_bytes_is_an_error(name, tmp_path):
    (tmp_path / "odd.bin").write_bytes(b"these are no weights at all")
    with pytest.raises(WeightsCorrupt, match=r"odd\.bin"):
        load_detector(name, weights=tmp_path / "odd.bin")


@pytest.mark.parametrize(
    "frames", [np.zeros((2, 8, 8, 3), np.float32), np.zeros((8, 8, 3), np.uint8), np.zeros((2, 3, 8, 8), np.uint8)]
)
def test_frames_in_another_layout_are_refused(frames):
    with pytest.raises(ValueError, match="B, H, W, 3"):
        check_frames(frames)


def test_no_faces_are_empty_arrays_of_the_right_shape():
    none = Detections.empty()
    assert (len(none), none.boxes.shape, none.landmarks.shape) == (0, (0, 4), (0, 5, 2))
