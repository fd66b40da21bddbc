"""What stands on a face: whose score it is, of which moment, and where its label goes."""

import numpy as np

from fakelake.tasks.facts import Reading, Window
from fakelake.tasks.overlay_drawing import draw, lines_of
from fakelake.tasks.overlay_faces import UNNAMED, Face, Said, TrackScores

FAKE, SUSPICIOUS, AUTHENTIC = 4.0, 1.0, -4.0  # logits, with the thresholds at 0.9 and 0.5


def test_labels_say_face_band_and_figure_and_another_moment_s_figure_says_so():
    face = Face(3, (0, 0, 9, 9), True)
    assert lines_of(face, Said("fake", 0.973)) == ("face 3: FAKE", "p_fake 97.3 %")
    assert lines_of(face, Said("authentic", 0.0)) == ("face 3: AUTHENTIC", "p_fake 0.1 %")
    assert lines_of(face, Said("fake", 0.973, 12.34)) == ("face 3: FAKE", "p_fake 97.3 % (at 12.3 s)")
    assert lines_of(face, Said(None, None)) == ("face 3: not scored",)


def test_a_moment_belongs_to_the_window_that_holds_it_or_to_the_nearest_of_the_same_face():
    windows = [Window(track_id=t, number=n, start_s=s, end_s=s + 1, frames=6, logit=x)
               for t, n, s, x in ((0, 0, 0.0, FAKE), (0, 1, 10.0, AUTHENTIC), (1, 0, 0.0, SUSPICIOUS))]  # fmt: skip
    scores = TrackScores(windows, Reading(model_version="1", fake_at=0.9))
    said = {seconds: scores.at(0, seconds) for seconds in (0.5, 1.1, 3.0, 8.0, 10.0, 99.0)}
    assert [s.band for s in said.values()] == ["fake", "fake", "fake", "authentic", "authentic", "authentic"]
    assert [s.at_s for s in said.values()] == [None, None, 0.0, 10.0, None, 10.0]
    unnamed = TrackScores(windows, Reading(model_version="1", fake_at=0.9), named=False).at(0, 0.5)
    assert (unnamed.band, unnamed.p_fake) == (UNNAMED, said[0.5].p_fake)
    assert (scores.at(1, 0.5).band, scores.at(2, 0.5)) == ("suspicious", Said(None, None))


def test_labels_of_close_faces_cover_neither_each_other_nor_leave_the_picture():
    picture = np.zeros((240, 320, 3), np.uint8)
    close = [(Face(n, (60 + 15 * n, 2, 100 + 15 * n, 60), True), Said("fake", 0.95)) for n in range(3)]
    close.append((Face(3, (300, 220, 330, 250), True), Said("authentic", 0.2)))
    places = [label.place for label in draw(picture, close)]
    for i, a in enumerate(places):
        assert a[0] >= 0 and a[1] >= 0 and a[2] <= 320 and a[3] <= 240
        for b in places[:i]:
            assert min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1])
