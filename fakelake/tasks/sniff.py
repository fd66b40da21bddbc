"""Telling what a file is when it is no video, from its first bytes and from what libav took it for."""

from __future__ import annotations

import os

from av.container import InputContainer
from av.video.stream import VideoStream

from fakelake.tasks import media_file
from fakelake.tasks.errors import MediaError
from fakelake.tasks.media_file import display_name

_HEAD = 4096

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ", b"8BPS", b"\0\0\1\0")
_TEXT_HEADED = (b"YUV4MPEG2", *(b"P%d\n" % n for n in range(1, 8)))  # pixels may be printable too
_PICTURE_BRANDS = {b"avif", b"heic", b"heix", b"heim", b"heis", b"mif1", b"crx "}
# Text shown as a film, playlists that name other files, and network descriptions: libav takes all of these for video.
_NO_VIDEO_FORMATS = {"tty", "bin", "xbin", "adf", "idf", "concat", "hls", "dash", "sdp", "rtsp", "lavfi", "imf"}
# How a video's first bytes look: if libav cannot read it all the same, the rest of it is missing or broken.
_MATROSKA = b"\x1aE\xdf\xa3"  # and WebM
_VIDEO_MAGIC = (
    b"\x1aE\xdf\xa3",
    b"FLV\x01",
    b"0&\xb2u\x8ef\xcf\x11",
    b"\0\0\x01\xba",
    b"\0\0\x01\xb3",
    b"OggS",
    b"GIF8",
)
_ATOMS = {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
_ENCRYPTED_TAGS = {"encv", "drmi", "drmc"}


def read_head(path: str | bytes | os.PathLike) -> bytes:
    """The first 4096 bytes; b"" of anything but a regular file (reading from a pipe would block)."""
    if not os.path.isfile(path):  # noqa: PTH113 - paths may be bytes
        return b""
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        return file.read(_HEAD)


def refuse_by_content(path: str | bytes | os.PathLike, head: bytes, size: int) -> None:
    """Raise MediaError for what the first bytes settle: nothing at all, a picture, text, an absurd GIF."""
    if size == 0 and os.path.isfile(path):  # noqa: PTH113
        raise MediaError("probe", "empty", f"{display_name(path)} has no bytes.", "Copy it again.")
    moving_png = head.startswith(b"\x89PNG") and b"acTL" in head
    if (head.startswith(_PICTURES) and not moving_png) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        raise still_picture(path)
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        raise still_picture(path)
    if _is_text(head):
        raise not_a_video(path)
    if head.startswith((b"GIF87a", b"GIF89a")):  # libav reports sizes that it refuses as 0 x 0
        width, height = int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
        if max(width, height) > media_file.MAX_SIDE:
            raise absurd(path, width, height)


def _is_text(head: bytes) -> bool:
    if not head or head.startswith(_TEXT_HEADED):
        return False
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and len(head) % 2 == 0:
        head = head.decode("utf-16", "replace").encode()
    return not any(byte < 9 or 13 < byte < 27 for byte in head) and _decodes(head)


def _decodes(head: bytes) -> bool:
    try:
        head[: len(head) - 3].decode()  # the end may cut a character in two
    except UnicodeDecodeError:
        return False
    return True


def refuse_by_format(path: str | bytes | os.PathLike, container: InputContainer, stream: VideoStream | None) -> None:
    """Raise MediaError if libav took the file for a picture, for text, or found nothing but cover art."""
    name = container.format.name
    if name in _NO_VIDEO_FORMATS:
        raise not_a_video(path)
    brand = container.metadata.get("major_brand", "").encode()
    only_cover = stream is None and bool(container.streams.video) and not container.streams.audio
    if name.endswith("_pipe") or brand in _PICTURE_BRANDS or only_cover:
        raise still_picture(path)


def is_encrypted(stream: VideoStream) -> bool:
    """Protected sample entries: FairPlay, and ISO/IEC 23001-7 where libav does not look through it to the codec."""
    codec = stream.codec_context
    return codec is not None and codec.codec_tag in _ENCRYPTED_TAGS


def promised_bytes(head: bytes) -> int:
    """The file's length as a RIFF or Matroska header states it; 0 where none is stated (a live recording)."""
    if head[:4] == b"RIFF":
        return 8 + int.from_bytes(head[4:8], "little")
    segment = head.find(b"\x18S\x80g") if head.startswith(_MATROSKA) else -1
    if segment < 0 or segment + 12 > len(head) or head[segment + 4] == 0:
        return 0
    width = 9 - head[segment + 4].bit_length()  # EBML variable-size integer (RFC 8794, section 4)
    value = int.from_bytes(head[segment + 4 : segment + 4 + width], "big") & ((1 << 7 * width) - 1)
    unknown = (1 << 7 * width) - 1
    return 0 if value == unknown else segment + 4 + width + value


def unreadable(path: str | bytes | os.PathLike, head: bytes) -> MediaError:
    """The error for a file that libav would not open."""
    avi = head[:4] == b"RIFF" and head[8:11] == b"AVI"
    transport = head[:1] == b"G" and head[188:189] == b"G"
    if not (head.startswith(_VIDEO_MAGIC) or head[4:8] in _ATOMS or avi or transport):
        return not_a_video(path)
    missing = " its index (the moov atom) is missing or broken and" if head[4:8] in _ATOMS else ""
    return MediaError(
        "probe",
        "truncated",
        f"{display_name(path)} begins like a video, but{missing} nothing in it can be read.",
        "The copy is cut short or damaged: copy it again from where it came from.",
    )


def not_a_video(path: str | bytes | os.PathLike) -> MediaError:
    return MediaError("probe", "not_a_video", f"{display_name(path)} is not a video.", "Nothing to do: leave it out.")


def still_picture(path: str | bytes | os.PathLike) -> MediaError:
    return MediaError(
        "probe", "still_picture", f"{display_name(path)} is a still picture.", "Nothing to do: leave it out."
    )


def encrypted(path: str | bytes | os.PathLike) -> MediaError:
    return MediaError(
        "probe",
        "encrypted",
        f"{display_name(path)} is encrypted.",
        "Ask its owner for an unprotected copy and ingest that.",
    )


def absurd(path: str | bytes | os.PathLike, width: int, height: int) -> MediaError:
    return MediaError(
        "probe",
        "absurd_dimensions",
        f"{display_name(path)} claims pictures of {width} x {height} pixels.",
        f"Scale it down to at most {media_file.MAX_SIDE} pixels a side and {media_file.MAX_PIXELS:,} in all, "
        "or leave it out: such headers are mostly damage.",
    )
