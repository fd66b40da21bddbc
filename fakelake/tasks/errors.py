"""What is wrong with a file, said for the person who has to mend it."""

from __future__ import annotations


class MediaError(Exception):
    """One input cannot be used, wholly or from some point on. It becomes a `quarantine` row.

    stage:   probe | hash | decode | detect | write | worker | policy
    error:   a short stable code, e.g. `not_a_video`, `truncated`, `audio_only`, `encrypted`
    message: what was wrong, in a sentence
    remedy:  what to do about it, in a sentence
    lasting: True when the same bytes will fail again (so a later run need not try), False for
             faults of the surroundings (permission, disk full, vanished)
    """

    def __init__(self, stage: str, error: str, message: str, remedy: str, *, lasting: bool = True) -> None:
        super().__init__(f"{error}: {message} {remedy}")
        self.stage, self.error, self.message, self.remedy, self.lasting = stage, error, message, remedy, lasting

    def __reduce__(self):
        return (_rebuild, (self.stage, self.error, self.message, self.remedy, self.lasting))


def _rebuild(stage: str, error: str, message: str, remedy: str, lasting: bool) -> MediaError:
    return MediaError(stage, error, message, remedy, lasting=lasting)
