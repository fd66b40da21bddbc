"""What a split reached, for the person who asked for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from fakelake.tasks.labels.base import NAMESPACE_UNIT
from fakelake.tasks.split import PARTS, LabelledVideo, Part, Split, connected_components, natural


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCount:
    part: str
    videos: int
    real: int
    fake: int
    identities: int
    groups: int


def count_parts(videos: Iterable[LabelledVideo], part: Mapping[str, str], group: Mapping[str, str]) -> list[PartCount]:
    """Counts per part in the order train, val, test. Videos that are in no part are left out."""
    inside = [video for video in videos if video.video_id in part]
    counts = []
    for name in PARTS:
        here = [video for video in inside if part[video.video_id] == name]
        fake = sum(video.label == "fake" for video in here)
        counts.append(
            PartCount(
                part=name,
                videos=len(here),
                real=len(here) - fake,
                fake=fake,
                identities=len({identity for video in here for identity in video.identities}),
                groups=len({group[video.video_id] for video in here}),
            )
        )
    return counts


def remarks(
    split: Split, videos: Iterable[LabelledVideo], near_duplicates: Collection[tuple[str, str]] = ()
) -> list[str]:
    """Shortfalls with the component that is too big, what near-duplicates joined, and what the groups are not."""
    videos = list(videos)
    counts = {count.part: count for count in count_parts(videos, split.part, split.group)}
    joined = len(connected_components(videos)) - len(split.components)
    said = [f"{len(near_duplicates)} pairs of near-duplicates joined {joined} groups to others."] if joined else []
    return [*_shortfalls(split, counts), *said, *group_remarks(videos)]


def _shortfalls(split: Split, counts: Mapping[str, PartCount]) -> list[str]:
    said = []
    part_of = {component.name: split.part[component.videos[0]] for component in split.components}
    for label in ("real", "fake"):
        total = sum(getattr(count, label) for count in counts.values())
        for part, share in split.settings.shares.items():
            reached = getattr(counts[part], label)
            if total == 0 or abs(reached / total - share) < max(0.02, 1 / total):
                continue
            biggest = max(split.components, key=lambda component: getattr(component, label))
            text = f"{part} holds {reached / total:.1%} of the {label} videos, wanted {share:.1%}"
            if (whole := getattr(biggest, label) / total) > 0.02:
                text += f": component {biggest.name} alone has {whole:.1%}, all in {part_of[biggest.name]}"
            said.append(text + ".")
    return said


def group_remarks(videos: Iterable[LabelledVideo]) -> list[str]:
    """Says of each name space of identities whether disjoint groups mean disjoint people."""
    said = []
    spaces: Counter[str] = Counter()
    nobody = 0
    for video in videos:
        spaces.update({identity.partition(":")[0] for identity in video.identities})
        nobody += not video.identities
    for space, number in sorted(spaces.items()):
        match NAMESPACE_UNIT.get(space):
            case "clip":
                said.append(
                    f"{space}: the groups of {number} videos are clips, not people. The data set does not say which "
                    "clips show one person, so a person may be in two parts."
                )
            case None:
                said.append(f"{space}: the groups of {number} videos are what their list calls an identity.")
    if nobody:
        said.append(f"{nobody} videos name no identity: each is a group of its own, whoever is in it.")
    return said


def table(counts: Iterable[PartCount], shares: Mapping[Part, float] | None = None) -> str:
    """Plain text, one line a part, with the shares reached (and wanted, if given)."""
    counts = list(counts)
    totals = {name: sum(getattr(count, name) for count in counts) or 1 for name in ("videos", "real", "fake")}
    lines = [f"{'part':<6}{'videos':>17}{'real':>17}{'fake':>17}{'identities':>12}{'groups':>8}{'wanted':>8}"]
    for count in counts:
        cells = (f"{getattr(count, name):>9} {getattr(count, name) / total:>7.1%}" for name, total in totals.items())
        wanted = f"{shares[count.part]:>8.1%}" if shares else f"{'':>8}"
        lines.append(f"{count.part:<6}{''.join(cells)}{count.identities:>12}{count.groups:>8}{wanted}".rstrip())
    return "\n".join(lines)


def describe(
    split: Split,
    videos: Iterable[LabelledVideo],
    near_duplicates: Collection[tuple[str, str]] = (),
    largest: int = 5,
) -> str:
    """The whole report: parts, largest components, remarks."""
    videos = list(videos)
    single = sum(len(component.videos) == 1 for component in split.components)
    lines = [f"split {split.split_id}", table(count_parts(videos, split.part, split.group), split.settings.shares), ""]
    lines.append(f"{len(split.components)} components, {single} of one video. Largest:")
    for component in split.components[:largest]:
        who = ", ".join(sorted(component.identities, key=natural)[:4]) or "no identity"
        more = f" and {len(component.identities) - 4} more" if len(component.identities) > 4 else ""
        lines.append(
            f"  {split.part[component.videos[0]]:<6}{component.real:>6} real{component.fake:>7} fake  "
            f"{len(component.identities)} identities: {who}{more}"
        )
    return "\n".join([*lines, *remarks(split, videos, near_duplicates)])
