"""The panel on an explanation's page that says which part of the face the detector leans on."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from fakelake.catalog.lake import Lake
from fakelake.catalog.part_scores import part_scores_of
from fakelake.models.detector.bundle import BundleConfig
from fakelake.models.detector.network import Detector
from fakelake.tasks import explain_page as page
from fakelake.tasks import explain_words as words
from fakelake.tasks.album import Album
from fakelake.tasks.evidence import Evidence
from fakelake.tasks.face_strip import Tile, fitted, strip
from fakelake.tasks.face_tracks import CropReader
from fakelake.tasks.facts import Facts
from fakelake.tasks.part_masks import PartMasks
from fakelake.tasks.part_scores import (
    REST,
    PartDrop,
    PartMean,
    ScoreChanged,
    blurred,
    drops_on_record,
    key_of,
    means_of,
    measure_parts,
    replaced,
    rows_of,
    with_rest,
)
from fakelake.tasks.parts_chart import bars_chart, over_time_chart

SIDE = 150  # px of a picture
LINE, DIMMED = (255, 190, 80), 0.3  # RGB of a part's outline; what is left of the light around it
NO_GENERATOR = (
    "Not measured: parts of faces come from a generator, and there is none yet. Make one with "
    "`fakelake train generator`, then explain again."
)
LIMITS = (
    "What this does not show: a larger part weighs more, because more of the picture changes (its share stands beside "
    "its name). A blur is a change that no camera makes, and the detector may react to that alone: compare each part "
    "with the rest. A part that weighs much is what this detector leans on, no proof that it was forged."
)


@dataclass(frozen=True, slots=True)
class PartEvidence:
    """What the parts of the worst face weigh; where nothing was measured, `why` says why not.

    drops: by part and window; new_rows: of `part_scores`, to be put on record, none if they were before
    shown: by part, the frame that decided with the part lit and with it blurred, uint8 [px, px, 3] RGB each
    """

    drops: tuple[PartDrop, ...] = ()
    new_rows: tuple[dict, ...] = ()
    shown: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None
    generator_version: str | None = None
    why: str = ""

    @property
    def means(self) -> list[PartMean]:
        return means_of(self.drops)


NO_PARTS = PartEvidence()


def evidence_of_parts(
    lake: Lake, facts: Facts, evidence: Evidence, reader: CropReader, model: tuple[Detector, BundleConfig],
    masks: PartMasks | None,
) -> PartEvidence:  # fmt: skip
    """What is on record or, where nothing is, what is measured now. Raises CropsChanged."""
    if masks is None:
        return PartEvidence(why=NO_GENERATOR)
    if not evidence.reproduced:
        return PartEvidence(why="Not measured: the model at hand does not give the score on record.")
    detector, config = model
    key, rows = key_of(facts, masks), []
    drops = drops_on_record(part_scores_of(lake, key), facts)
    if not drops:
        try:
            tracks = {evidence.track.track_id: evidence.track}
            drops = measure_parts(facts, tracks, reader, detector, config.crop_margin, masks)
        except ScoreChanged as error:
            return PartEvidence(why=f"Not measured: {error}")
        rows = rows_of(drops, key, uuid.uuid4().hex)
    if not drops:
        return PartEvidence(why="Not measured: the generator finds no part on this face.")
    shown = _shown(evidence, config.crop_margin, masks)
    return PartEvidence(tuple(drops), tuple(rows), shown, masks.version)


def section_of_parts(parts: PartEvidence, facts: Facts, evidence: Evidence, album: Album) -> page.Section:
    """The panel, or why there is none."""
    fake = facts.verdict.band in ("fake", "suspicious")
    title = "Which part gave it away" if fake else "Which part raised the score most"
    if not parts.drops:
        return page.Section(title, [parts.why], [])
    means, face = parts.means, evidence.window.track_id
    order = [mean.part for mean in means]
    figures = {mean.part: mean.drop for mean in means}
    most = max(figures, key=figures.get)
    tiles = [
        Tile(parts.shown[part], [part, f"{figures[part]:+.2f}"], part == most and figures[part] > 0)
        for part in order
        if part in parts.shown
    ]
    pictures = [
        album.chart("parts.svg", bars_chart(means, f"face {face}: what each part weighs"),
                    "how far the score (the logit) falls without each part, mean over the windows; red: the part "
                    "speaks for fake, blue: against"),
        album.picture("parts.png", strip(tiles, SIDE), f"the parts of face {face}, lit and blurred",
                      "above: each part of the frame that decided; below: what the detector was shown instead; framed: "
                      "what weighs most"),
    ]  # fmt: skip
    windows = len({each.window.number for each in parts.drops})
    if windows > 1:
        svg = over_time_chart(parts.drops, order, f"face {face}: what each part weighs over time")
        pictures.append(album.chart("parts_over_time.svg", svg, "the same window by window; dashed: the rest"))
    return page.Section(title, [*_said(parts, means, windows, facts, evidence), LIMITS], pictures)


def _said(parts: PartEvidence, means: list[PartMean], windows: int, facts: Facts, evidence: Evidence) -> list[str]:
    """What was found, then how."""
    named = [mean for mean in means if mean.part != REST]
    rest = next((mean.drop for mean in means if mean.part == REST), 0.0)
    if not named or named[0].drop <= 0:
        said = ["No part, blurred by itself, makes the score fall: none of them gave it away."]
    else:
        top = named[0]
        most = max((each for each in parts.drops if each.part == top.part), key=lambda each: each.drop)
        before, after = (words.percent(facts.reading.p_fake(most.window.logit - drop)) for drop in (0.0, most.drop))
        said = [
            f"Of the parts, {top.part} weighs most. Where it weighs most of all, from {most.window.start_s:.2f} s on, "
            f"p_fake would be {after} without it in place of {before}."
        ]
    if named and rest > max(0.0, named[0].drop):
        said.append("The rest of the picture weighs more: what the detector saw may lie outside of these parts.")
    face, in_all = evidence.window.track_id, len(facts.of_track(evidence.window.track_id))
    which = f"all {windows}" if windows == in_all else f"the highest {windows} of {in_all}"
    said.append(
        f"In {which} windows of face {face}, each part was blurred by itself and the detector asked again: what the "
        f"score loses is what the part weighs. The parts are what generator version {parts.generator_version} has "
        f'learnt to move as one, named by where they lie; "{REST}" is everything else in the picture.'
    )
    return said


def _shown(evidence: Evidence, crop_margin: float, masks: PartMasks) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found = with_rest(masks.names, masks.find(evidence.crops, crop_margin))
    at = slice(evidence.decided, evidence.decided + 1)
    crops = evidence.crops[at]
    soft = blurred(crops, crop_margin)
    return {part: (_lit(crops[0], mask[at][0]), replaced(crops, soft, mask[at])[0]) for part, mask in found.items()}


def _lit(crop: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """uint8 [SIDE, SIDE, 3] RGB: as bright as the mask is high, with a line where it passes one half."""
    height = cv2.resize(mask, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    picture = (fitted(crop, SIDE) * (DIMMED + (1 - DIMMED) * height[..., None])).round().astype(np.uint8)
    lines, _ = cv2.findContours((height > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, lines, -1, LINE, 1, cv2.LINE_AA)
    return picture
