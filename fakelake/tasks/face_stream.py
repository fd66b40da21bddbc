"""Frames in, face rows and pictures out: detect on small frames, track, crop from the full frame."""

from __future__ import annotations

import itertools
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from fakelake.catalog.recipe import Recipe
from fakelake.models.faces.detector import Detections, FaceDetector, in_batches
from fakelake.models.faces.follow import follow
from fakelake.tasks import crop
from fakelake.tasks.decode import Frame
from fakelake.tasks.spool import Spool
from fakelake.tasks.track import Tracklet, colour_histogram, is_cut, match

# Frames wait for their detection batch: bounds what 4K video may hold in memory.
PENDING_BYTES = 96 << 20


@dataclass(slots=True)
class StreamSummary:
    """What one segment gave, less its rows (those are in the spool)."""

    tracklets: list[Tracklet] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    frames: int = 0
    first_frame: int | None = None
    first_histogram: np.ndarray | None = None
    last_histogram: np.ndarray | None = None
    largest_small_face: float = 0.0
    seconds: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Anchor:
    """A frame that the detector sees, and the kept frames after it up to the next one."""

    frame: Frame
    kept: int
    small: np.ndarray
    histogram: np.ndarray
    between: list[tuple[Frame, int]] = field(default_factory=list)
    boxes: np.ndarray | None = None
    landmarks: np.ndarray | None = None
    scores: np.ndarray | None = None
    ids: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Clip:
    """A portrait clip: its window stays fixed until the face leaves it or changes size. `clip_id` = its first frame."""

    clip_id: int
    window: tuple[int, int, int, int]
    face_side: float
    last_kept: int


class FaceStream:
    """Run it over the kept frames of one segment, in order.

    Rows go to the spool: `frames` for each face of each kept frame (on the frames between two detections the boxes
    are interpolated, `detected` = False), `crops` and `portraits` where the recipe wants pictures.
    """

    def __init__(self, detector: FaceDetector, recipe: Recipe, spool: Spool, segment: int = 0) -> None:
        self._detector, self._recipe, self._spool, self._segment = detector, recipe, spool, segment
        self._waiting: deque[_Anchor] = deque()
        self._previous: _Anchor | None = None
        self._clips: dict[int, _Clip] = {}
        self.summary = StreamSummary()

    def run(self, frames: Iterable[tuple[Frame, int]]) -> StreamSummary:
        """frames: each with its rank among the kept frames of the whole video."""
        seconds = self.summary.seconds
        found = self._found(self._smalls(iter(frames)))
        while True:
            start, decoding = time.perf_counter(), seconds["decode"]
            detections = next(found, None)
            seconds["detect"] += time.perf_counter() - start - (seconds["decode"] - decoding)
            if detections is None:
                return self.summary
            start = time.perf_counter()
            self._take(self._waiting.popleft(), detections)
            seconds["encode"] += time.perf_counter() - start

    def _smalls(self, frames: Iterator[tuple[Frame, int]]) -> Iterator[np.ndarray]:
        """The pictures that the detector sees: of every n-th kept frame and of the last one."""
        last: _Anchor | None = None
        for n, (frame, kept) in enumerate(frames):
            self.summary.frames += 1
            if n % self._recipe.detect_every:
                last.between.append((frame, kept))
            else:
                last = self._anchor(frame, kept)
                yield last.small
        if last is not None and last.between:
            yield self._anchor(*last.between.pop()).small

    def _anchor(self, frame: Frame, kept: int) -> _Anchor:
        start = time.perf_counter()
        small, _ = frame.small(self._recipe.detect_px)
        self.summary.seconds["decode"] += time.perf_counter() - start
        anchor = _Anchor(frame, kept, small, colour_histogram(small))
        self._waiting.append(anchor)
        return anchor

    def _found(self, smalls: Iterator[np.ndarray]) -> Iterator[Detections]:
        """One Detections a picture, in order. How many pictures may wait for that is bounded by their frames' bytes."""
        first = next(smalls, None)
        if first is None:
            return iter(())
        frame = self._waiting[0].frame
        hold = max(1, PENDING_BYTES // (frame.width * frame.height * 3 // 2 * self._recipe.detect_every))
        smalls = itertools.chain((first,), smalls)
        if min(hold, self._recipe.search_every) == 1:
            return in_batches(self._detector, smalls, min(hold, self._detector.batch_size))
        return follow(self._detector, smalls, min(hold, self._recipe.search_every), sure=self._recipe.min_score)

    def _take(self, anchor: _Anchor, found: Detections) -> None:
        self._filter(anchor, found)
        previous, pairs = self._previous, {}
        if previous is None:
            self.summary.first_frame, self.summary.first_histogram = anchor.frame.index, anchor.histogram
        elif is_cut(previous.histogram, anchor.histogram, self._recipe.cut_threshold):
            self.summary.cuts.append(anchor.frame.index)
        else:
            pairs = match(previous.boxes, anchor.boxes, self._recipe.track_iou)
        if previous is not None:
            self._between(previous, anchor, pairs)
        for j in range(len(anchor.boxes)):
            anchor.ids.append(previous.ids[pairs[j]] if j in pairs else self._new_tracklet(anchor, j))
            self._row(
                anchor.frame, anchor.kept, anchor.ids[j], anchor.boxes[j], anchor.landmarks[j], anchor.scores[j], True
            )
        anchor.small = anchor.small[:0]
        self.summary.last_histogram, self._previous = anchor.histogram, anchor

    def _filter(self, anchor: _Anchor, found: Detections) -> None:
        # Each side by itself: the small picture's were rounded to whole pixels.
        height, width = anchor.small.shape[:2]
        grow = np.array([anchor.frame.width / width, anchor.frame.height / height], np.float32)
        boxes, landmarks = found.boxes * np.tile(grow, 2), found.landmarks * grow
        longer = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0.0)
        big = longer >= self._recipe.min_face_px
        if (~big).any():
            self.summary.largest_small_face = max(self.summary.largest_small_face, float(longer[~big].max()))
        anchor.boxes, anchor.landmarks, anchor.scores = boxes[big], landmarks[big], found.scores[big]

    def _between(self, before: _Anchor, after: _Anchor, pairs: dict[int, int]) -> None:
        span = after.kept - before.kept
        for frame, kept in before.between:
            w = (kept - before.kept) / span
            for j, i in sorted(pairs.items()):
                box = (1 - w) * before.boxes[i] + w * after.boxes[j]
                landmarks = (1 - w) * before.landmarks[i] + w * after.landmarks[j]
                self._row(frame, kept, before.ids[i], box, landmarks, min(before.scores[i], after.scores[j]), False)
        before.between = []

    def _new_tracklet(self, anchor: _Anchor, j: int) -> int:
        at = (anchor.frame.index, anchor.frame.pts_s, anchor.boxes[j])
        self.summary.tracklets.append(Tracklet(self._segment, len(self.summary.tracklets), *at, *at))
        return len(self.summary.tracklets) - 1

    def _row(
        self,
        frame: Frame,
        kept: int,
        tracklet: int,
        box: np.ndarray,
        landmarks: np.ndarray,
        score: float,
        detected: bool,
    ) -> None:
        recipe, sharp = self._recipe, None
        if recipe.crop_window is None or kept % recipe.crop_every < recipe.crop_window:
            image = crop.picture(frame.region, crop.square(box, recipe.crop_margin), recipe.crop_px)
            sharp = crop.sharpness(image)
            if sharp >= recipe.min_sharpness:
                self._spool.add("crops", (tracklet, frame.index, crop.jpeg(image, recipe.crop_quality)))
                if recipe.portrait_px and kept % recipe.portrait_every == 0:
                    self._portrait(frame, kept, tracklet, box)
        x1, y1, x2, y2 = (round(at, 2) for at in box.tolist())
        points = [round(at, 2) for at in landmarks.reshape(10).tolist()]
        row = (tracklet, frame.index, frame.pts_s, x1, y1, x2, y2, points, round(float(score), 4), detected, sharp)
        self._spool.add("frames", row)
        seen = self.summary.tracklets[tracklet]
        seen.last_frame, seen.last_pts_s, seen.last_box, seen.rows = frame.index, frame.pts_s, box, seen.rows + 1

    def _portrait(self, frame: Frame, kept: int, tracklet: int, box: np.ndarray) -> None:
        recipe, clip = self._recipe, self._clips.get(tracklet)
        # A face that grew or shrank much against its window is a zoom: motion models learn poorly from it.
        zoom = 1.0 if clip is None else float(max(box[2] - box[0], box[3] - box[1])) / clip.face_side
        gone = clip is None or kept - clip.last_kept > recipe.portrait_every or not crop.inside(box, clip.window)
        if gone or not 0.6 <= zoom <= 1.6:
            side = float(max(box[2] - box[0], box[3] - box[1]))
            window = crop.square(box, recipe.portrait_margin)
            clip = self._clips[tracklet] = _Clip(frame.index, window, side, kept)
        clip.last_kept = kept
        image = crop.jpeg(crop.picture(frame.region, clip.window, recipe.portrait_px), recipe.crop_quality)
        self._spool.add("portraits", (tracklet, frame.index, frame.pts_s, clip.clip_id, list(clip.window), image))
