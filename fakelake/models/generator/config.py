"""What a generator is built of."""

from __future__ import annotations

from dataclasses import dataclass

MAP_PX = 64  # side of the part maps, whatever the pictures' side
SIZES = (64, 128, 256)


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneratorConfig:
    """Sizes of both modules; the defaults are those of the published configuration.

    parts:       K, the parts of the foreground; maps have K + 1 channels, channel 0 is the background
    px:          side of the pictures: 64, 128 or 256
    affine:      each part moves with a 2x2 matrix; False: it is only shifted
    background:  still, or affine: camera motion, estimated from both pictures
    temperature: of the heat maps whose centres are the parts' places
    seg_base, seg_cap, seg_blocks: channels and depth of the segmentation module's hourglass
    rec_base, rec_cap, rec_blocks: channels and residual blocks of the reconstruction module
    """

    parts: int = 10
    px: int = 256
    affine: bool = True
    background: str = "still"
    temperature: float = 0.1
    seg_base: int = 32
    seg_cap: int = 1024
    seg_blocks: int = 5
    rec_base: int = 64
    rec_cap: int = 512
    rec_blocks: int = 6

    def __post_init__(self) -> None:
        if self.px not in SIZES:
            raise ValueError(f"px is one of {', '.join(map(str, SIZES))}, not {self.px}")
        if self.parts < 1:
            raise ValueError(f"a generator has at least one part, not {self.parts}")
        if self.background not in ("still", "affine"):
            raise ValueError(f"background is still or affine, not {self.background!r}")
        if MAP_PX % 2**self.seg_blocks:
            raise ValueError(f"{self.seg_blocks} blocks halve {MAP_PX} pixels too often")
