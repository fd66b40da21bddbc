"""The face that is put in, and the faces that a video shows, on real pictures."""

import cv2
import numpy as np
import pytest

from fakelake.models.faces.detector import load_detector
from fakelake.tasks.probe import probe
from fakelake.tasks.swap.errors import NoFittingFace
from fakelake.tasks.swap.follow import FOLLOWING, follow_faces
from fakelake.tasks.swap.source import is_still, source_face
from tests.media import face_clip, no_face_clip, paste_faces, write_clip
from tests.tasks.reading import pictures_of

PX, MARGIN = 64, 0.5
TWO = [(160, 150, 110), (480, 150, 110)]


@pytest.fixture(scope="module")
def detector():
    return load_detector(min_score=FOLLOWING.min_score / 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sources")


@pytest.fixture(scope="module")
def two_faces(folder):
    paste_faces(folder / "two.mp4", TWO, frames=12)
    return folder / "two.mp4"


def still(folder, name, picture):
    cv2.imwrite(str(folder / name), picture)
    return folder / name


def test_every_face_of_a_video_is_followed_through_it(two_faces, detector):
    heard = []
    faces = follow_faces(two_faces, probe(two_faces), detector, on_frame=lambda n, of: heard.append((n, of)))
    assert [face.frames.tolist() for face in faces] == [list(range(12))] * 2
    for face, (x, y, _) in zip(faces, TWO, strict=True):  # numbered from left to right
        middle = (face.boxes[:, :2] + face.boxes[:, 2:]) / 2
        assert np.abs(middle - (x, y)).max() < 25
        assert (face.landmarks[:, 0, 0] < face.landmarks[:, 1, 0]).all()
    assert heard[-1] == (12, 12)


def test_a_face_that_is_lost_for_a_moment_is_filled_in(folder, detector):
    images = pictures_of(face_clip(), 14)
    for n in (6, 7):
        images[n] = np.full_like(images[n], 110)
    path = write_clip(folder / "lost.mp4", images, options={"preset": "ultrafast"})
    (face,) = follow_faces(path, probe(path), detector, recipe=FOLLOWING.__class__(**_plain(cut_threshold=1.0)))
    assert face.frames.tolist() == list(range(14))
    assert np.allclose(face.boxes[6], face.boxes[5] * 2 / 3 + face.boxes[8] / 3, atol=0.1)


def _plain(**changes):
    return {"name": "t", "crop_window": 0, "crop_every": 1, "portrait_px": 0, "min_score": 0.7, **changes}


def test_a_still_gives_its_face_as_portraits_are_cut(folder, detector):
    picture = pictures_of(face_clip(), 1)[0]
    found = source_face(still(folder, "one.png", picture), PX, MARGIN, detector)
    assert found.picture.shape == (PX, PX, 3) and found.frame is None
    x1, y1, x2, y2 = 226, 81, 374, 303  # as RetinaFace sees it
    side = 2 * (y2 - y1)
    middle = (x1 + x2) // 2, (y1 + y2) // 2
    padded = cv2.copyMakeBorder(picture, 200, 200, 200, 200, cv2.BORDER_REPLICATE)
    top, left = middle[1] + 200 - side // 2, middle[0] + 200 - side // 2
    wanted = cv2.resize(padded[top : top + side, left : left + side], (PX, PX), interpolation=cv2.INTER_AREA)
    assert np.abs(found.picture.astype(int) - wanted).mean() < 8


def test_of_a_video_the_sharpest_frontal_moment_is_taken(folder, detector):
    images = pictures_of(face_clip(), 16)
    for n, image in enumerate(images):
        if n != 9:
            images[n] = cv2.GaussianBlur(image, (0, 0), 4)
    # One and the same pose, so that it is the sharpness that chooses.
    images = [cv2.GaussianBlur(images[9], (0, 0), 4) if n != 9 else image for n, image in enumerate(images)]
    path = write_clip(folder / "sharp.mp4", images, options={"preset": "ultrafast", "crf": "12"})
    assert source_face(path, PX, MARGIN, detector).frame == 9


def test_a_source_without_a_face_is_refused(folder, detector):
    picture = still(folder, "none.jpg", np.full((200, 300, 3), 90, np.uint8))
    with pytest.raises(NoFittingFace, match=r"no face in none\.jpg"):
        source_face(picture, PX, MARGIN, detector)
    short = write_clip(folder / "cartoon.mp4", pictures_of(no_face_clip(), 6), options={"preset": "ultrafast"})
    with pytest.raises(NoFittingFace, match=r"no face in the first 300 frames of cartoon\.mp4"):
        source_face(short, PX, MARGIN, detector)


def test_of_two_faces_one_has_to_be_named(folder, two_faces, detector):
    picture = still(folder, "two.png", pictures_of(two_faces, 1)[0])
    for path in (picture, two_faces):
        with pytest.raises(NoFittingFace, match="--source-track N") as refused:
            source_face(path, PX, MARGIN, detector)
        assert "track 0:" in str(refused.value) and "track 1:" in str(refused.value)
        left, right = (source_face(path, PX, MARGIN, detector, track=n).picture for n in (0, 1))
        assert np.abs(left.astype(int) - right).mean() < 12  # the same face, pasted twice
        with pytest.raises(NoFittingFace, match="has no track 7"):
            source_face(path, PX, MARGIN, detector, track=7)


def test_what_cannot_be_read_as_a_picture_is_refused(folder, detector):
    path = folder / "broken.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0 and then nothing")
    assert is_still(path) and not is_still(face_clip())
    with pytest.raises(NoFittingFace, match=r"broken\.jpg cannot be read as a picture"):
        source_face(path, PX, MARGIN, detector)
