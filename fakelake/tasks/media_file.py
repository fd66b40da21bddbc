"""Opening one media file: from any path, with nothing but its own bytes, and errors that a person can act on."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import av
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from fakelake.tasks.errors import MediaError

# At any other level libav's threads call into Python to log, and wait for the interpreter lock while closing a
# decoder waits for them: a deadlock. Damage is reported through MediaError and Decoder.errors.
av.logging.set_level(None)

# A video of more pixels than this is a hostile or broken header: one decoded frame would fill the worker.
MAX_PIXELS = 100_000_000
MAX_SIDE = 16_384

# After this many demuxing errors in a row without a packet between them, the rest of the file is given up.
_READ_RETRIES = 16


def display_name(path: str | bytes | os.PathLike) -> str:
    """The file's own name for messages: no directories, undecodable bytes as \\xNN, no line breaks."""
    name = os.path.basename(os.fsencode(path)).decode("utf-8", "backslashreplace")  # noqa: PTH119
    return name.replace("\n", "\\n").replace("\r", "\\r")


@contextmanager
def open_media(path: str | bytes | os.PathLike, *, stage: str) -> Iterator[InputContainer]:
    """Open `path` for demuxing.

    libav is given a Python file and not the name: so names of any bytes work, a name is never taken for a URL, a
    device or a picture pattern (`img%03d.jpg`), and a playlist cannot make libav open other files or addresses.

    Raises MediaError for what the operating system says no to, now or while the file is read. libav's own refusal
    (av.FFmpegError) is left to the caller, which knows what it means at its stage.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - paths may be bytes
        if not stat.S_ISREG(status.st_mode):
            raise MediaError(
                stage, "not_a_video", f"{display_name(path)} is not a regular file.", "Give files or folders of files."
            )
        with open(path, "rb", buffering=0) as file, av.open(file, **_AS_BYTES) as container:  # noqa: PTH123
            yield container
    except av.FFmpegError:  # some of these are OSErrors too
        raise
    except OSError as error:
        raise os_error(path, error, stage) from error


_AS_BYTES = {
    "container_options": {"protocol_whitelist": "none"},
    "buffer_size": 1 << 17,
    "metadata_errors": "replace",
}


def os_error(path: str | bytes | os.PathLike, error: OSError, stage: str) -> MediaError:
    """What the operating system refused, as a MediaError that a later run tries again (`lasting=False`)."""
    name = display_name(path)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return MediaError(
            stage, "vanished", f"{name} is no longer there.", "Put it back or take it off the list.", lasting=False
        )
    if isinstance(error, PermissionError):
        return MediaError(
            stage,
            "no_permission",
            f"{name} may not be read by this user.",
            "Give the user that runs the ingest the right to read it, then run again.",
            lasting=False,
        )
    return MediaError(
        stage,
        "read_error",
        f"{name} cannot be read: {error.strerror or error}.",
        "Check the disk or the network share, then run again.",
        lasting=False,
    )


def video_stream(container: InputContainer) -> VideoStream | None:
    """The stream that is the video: the first default one, else the first; cover pictures do not count."""
    streams = [s for s in container.streams.video if not s.disposition & _COVER]
    default = [s for s in streams if s.disposition & Disposition.default]
    return (default or streams or [None])[0]


_COVER = Disposition.attached_pic | Disposition.timed_thumbnails


def read_packets(
    container: InputContainer, stream: VideoStream, on_error: Callable[[Exception], None]
) -> Iterator[av.Packet]:
    """Packets of `stream` in file order. A damaged stretch is reported to `on_error` and skipped where libav can."""
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    failures = 0
    while failures < _READ_RETRIES:
        try:
            for packet in container.demux(stream):
                if packet.size:
                    failures = 0
                    yield packet
            return
        except av.FFmpegError as error:
            failures += 1
            if failures == 1:
                on_error(error)
            if isinstance(error, av.EOFError):
                return
