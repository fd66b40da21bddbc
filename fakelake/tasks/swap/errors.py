"""Why a swap is refused."""

from __future__ import annotations


class NoFittingFace(Exception):
    """A source or target has no face that can be used, or several; the text says which and what to give."""


class SwapNotPermitted(Exception):
    """A use permission is missing or does not allow swaps; the text names the command that records one."""
