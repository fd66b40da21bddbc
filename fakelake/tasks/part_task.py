"""Measuring the parts of some videos' worst faces in one worker: both models are loaded once a process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fakelake.catalog.lake import Lake
from fakelake.tasks.evidence import tracks_of
from fakelake.tasks.face_tracks import CropReader
from fakelake.tasks.facts import facts_of
from fakelake.tasks.part_masks import PartMasks, read_masks
from fakelake.tasks.part_scores import key_of, measure_parts, rows_of
from fakelake.tasks.score_task import ScoreJob, loaded_model


@dataclass(frozen=True, slots=True)
class PartsJob:
    """score: videos with verdicts, and the model that scored them; generator, version: whose parts, as files."""

    score: ScoreJob
    generator: str
    version: str


def measure_videos(job: PartsJob) -> list[dict]:
    """Rows of `part_scores`. Raises ScoreChanged, CropsChanged, BundleUnfit; ValueError where a crop is no picture."""
    score = job.score
    detector, config = loaded_model(score.bundle, score.device, score.threads)
    masks = _masks(job.generator, job.version, score.device)
    lake, names = Lake(score.lake), dict(score.rows)
    reader, rows = CropReader(lake), []
    for video_id in score.video_ids:
        facts = facts_of(lake, video_id, names["model_version"])
        tracks = tracks_of(lake, facts, config.crop_margin)
        drops = measure_parts(facts, tracks, reader, detector, config.crop_margin, masks)
        rows += rows_of(drops, key_of(facts, masks), names["run_id"])
    return rows


@lru_cache(maxsize=1)
def _masks(generator: str, version: str, device: str) -> PartMasks:
    return read_masks(Path(generator), version, device)
