import pyarrow as pa
import pytest

from fakelake.catalog.schemas import SCHEMAS, TABLES

DESIGN = {
    "videos": "video_id recipe_id attempt_id dataset container codec pix_fmt width height rotation fps vfr frames"
    " duration_s bytes has_audio phash provenance frames_read frames_with_face tracks status reason run_id ingested_at",
    "sources": "uri video_id",
    "frames": "video_id track_id frame pts_s x1 y1 x2 y2 landmarks det_score sharpness recipe_id attempt_id",
    "crops": "video_id track_id frame image crop_px attempt_id",
    "portraits": "video_id track_id clip_id frame pts_s window image attempt_id",
    "labels": "video_id label method target_identity source_identity origin labelled_by labelled_at note",
    "consents": "video_id permission source by at",
    "splits": "split_id video_id part group_id",
    "quarantine": "uri video_id stage error message remedy attempts frames_kept lasting worker_log recipe_id run_id at",
    "runs": "run_id",
    "scores": "video_id track_id window start_s end_s frames logit reason model model_version recipe_id"
    " run_id scored_at",
    "calibrations": "model model_version calibration_id aggregation temperature alpha fake_at suspicious_at authentic"
    " fake refused split_id run_id at",
    "part_scores": "video_id track_id part drop window start_s end_s area generator_version model model_version"
    " recipe_id run_id at",
    "near_matches": "video_id match_id bits run_id at",
    "drift": "measure reference_n recent_n psi ks p threshold ks_threshold drifted reason model_version trained_at"
    " since run_id at",
    "promotions": "model model_version replaced outcome reason metric challenger champion low high split_id by"
    " run_id at",
}


@pytest.mark.parametrize("table", DESIGN)
def test_a_table_has_the_columns_that_the_design_promises(table):
    assert set(DESIGN[table].split()) <= set(SCHEMAS[table].names)


def test_no_table_is_unknown_to_the_design():
    assert set(DESIGN) == set(TABLES)


def test_every_column_explains_itself():
    assert [f"{name}.{f.name}" for name, schema in SCHEMAS.items() for f in schema if not f.metadata[b"comment"]] == []


def test_what_an_attempt_writes_names_the_attempt_in_every_row():
    by_attempt = {name for name, spec in TABLES.items() if spec.by_attempt}
    assert by_attempt == {"frames", "crops", "portraits"}
    assert all("attempt_id" in TABLES[name].required for name in by_attempt)


def test_pictures_lie_in_small_row_groups_and_detections_in_large_ones():
    assert TABLES["frames"].row_group_rows == 122_880
    assert {TABLES[name].row_group_rows for name in SCHEMAS if TABLES[name].pictures} == {512}


def test_times_are_in_utc():
    times = [f.type for schema in SCHEMAS.values() for f in schema if pa.types.is_timestamp(f.type)]
    assert times and {t.tz for t in times} == {"UTC"}
