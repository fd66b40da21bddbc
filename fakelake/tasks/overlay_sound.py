"""The sound of a video into a new mp4: packets as they are where browsers play them there, else encoded as AAC."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fractions import Fraction

import av
from av.container import InputContainer, OutputContainer

from fakelake.tasks import media_file

COPIED = ("aac", "mp3", "opus", "flac")  # what browsers play inside an mp4
CARRIED = (*COPIED, "ac3", "alac", "eac3", "mp2")  # what an mp4 can hold
RATES = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)  # of AAC
PRIMING_S = 0.1  # before time 0: what a decoder needs to begin with and nobody hears


class Sound:
    """The first audio stream of an open file, written on in step with the pictures.

    origin_s: the time, in the file, of the first picture, which is 0 in the new one
    copied: codecs whose packets go over untouched
    how: none, copied, or AAC; broken: what libav said of sound that could not be read, else empty
    """

    def __init__(
        self, container: InputContainer, out: OutputContainer, origin_s: float, *, copied: Collection[str] = COPIED
    ) -> None:
        self._out, self._origin_s = out, origin_s
        self.how, self.broken = "none", ""
        source = next((stream for stream in container.streams.audio if stream.codec_context is not None), None)
        self._source = source if source is not None and source.rate else None
        self._packets: Iterator[av.Packet] = iter(())
        self._waiting: av.Packet | None = None
        if self._source is None:
            return
        codec = self._source.codec_context
        # Without its header, as in a transport stream, AAC cannot be told to a browser.
        as_it_is = codec.name in copied and (codec.name != "aac" or codec.extradata)
        self.how = "copied" if as_it_is else "AAC"
        if as_it_is:
            self._target = out.add_stream_from_template(self._source)
        else:
            rate = codec.sample_rate if codec.sample_rate in RATES else RATES[0]
            self._target = out.add_stream("aac", rate=rate)
            self._target.layout = "mono" if codec.layout.nb_channels == 1 else "stereo"
        self._packets = self._read(container)
        self._waiting = next(self._packets, None)

    def until(self, seconds: float) -> None:
        """Write what is heard up to a moment of the new file."""
        while self._waiting is not None and self._heard_at(self._waiting) <= seconds:
            self._write(self._waiting)
            self._waiting = next(self._packets, None)

    def rest(self) -> None:
        """Write what is left."""
        self.until(float("inf"))
        if self.how == "AAC":
            self._out.mux(self._target.encode(None))

    def _read(self, container: InputContainer) -> Iterator[av.Packet]:
        for packet in media_file.read_packets(container, self._source, self._failed):
            if packet.pts is None or packet.dts is None:
                continue
            if not packet.is_discard or (self.how == "copied" and self._is_priming(packet)):
                yield packet

    def _is_priming(self, packet: av.Packet) -> bool:
        """Whether a packet that is not heard stands just before the sound; others that are not heard were cut away."""
        return -PRIMING_S < packet.pts * packet.time_base < 0

    def _heard_at(self, packet: av.Packet) -> float:
        return float(packet.pts * packet.time_base) - self._origin_s

    def _write(self, packet: av.Packet) -> None:
        if self.how == "copied":
            ends_at = self._heard_at(packet) + float((packet.duration or 0) * packet.time_base)
            if ends_at <= 0 and self._origin_s > 0:
                return  # before the first picture
            shift = round(Fraction(self._origin_s).limit_denominator(10**9) / packet.time_base)
            packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, self._target
            self._out.mux(packet)
            return
        try:
            frames = self._source.codec_context.decode(packet)
        except av.FFmpegError as error:
            self._failed(error)
            return
        for frame in frames:
            self._encode(frame)

    def _encode(self, frame: av.AudioFrame) -> None:
        if frame.pts is not None:
            frame.pts -= round(Fraction(self._origin_s).limit_denominator(10**9) / frame.time_base)
            if frame.pts < 0:
                return
        try:
            self._out.mux(self._target.encode(frame))
        except (ValueError, av.FFmpegError) as error:  # its form changed in mid-stream
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.broken = self.broken or (getattr(error, "strerror", None) or str(error))
