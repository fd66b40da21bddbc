"""The tables of the models: what each version said, how that is read, who was made champion, what has drifted."""

from __future__ import annotations

import pyarrow as pa

from fakelake.catalog.table_spec import RECIPE, RUN, TIME, TRACK, VIDEO, TableSpec, columns_of

_MODEL = ("model", pa.string(), "detector")
_VERSION = ("model_version", pa.string(), "its number in the registry, never an alias")
_SPLIT = ("split_id", pa.string(), "the split that the figures were taken on")
_AT = ("at", TIME, "when")

MODEL_TABLES = (
    TableSpec(
        "scores",
        "Append-only: what a model version said of each window of a video; 1 = fake, so a logit above 0 says fake",
        columns_of(
            VIDEO,
            ("track_id", pa.int32(), "one face followed through one shot; null: the video could not be scored"),
            ("window", pa.int32(), "0-based within the track; null: the video could not be scored"),
            ("start_s", pa.float64(), "seconds, first frame of the window"),
            ("end_s", pa.float64(), "seconds, last frame of the window"),
            ("frames", pa.int32(), "crops in the window"),
            ("logit", pa.float64(), "z_fake - z_real, before any calibration; null: the video could not be scored"),
            ("reason", pa.string(), "why it could not be scored: too short, too small; null where it was"),
            _MODEL,
            _VERSION,
            RECIPE,
            RUN,
            ("scored_at", TIME, "when"),
        ),
        required=("video_id", "recipe_id", "model", "model_version", "scored_at"),
        sort_by=("video_id", "recipe_id", "track_id", "window"),
    ),
    TableSpec(
        "calibrations",
        "Append-only: how the logits of a model version are read; the latest of a version counts",
        columns_of(
            _MODEL,
            _VERSION,
            ("calibration_id", pa.string(), "hash of what it was fitted on and of what came out"),
            ("aggregation", pa.string(), "windows to a track: mean, max, or top (mean of the highest half)"),
            ("temperature", pa.float64(), "p_fake = sigmoid(logit of the video / temperature)"),
            ("alpha", pa.float64(), "the share of authentic videos that may be called fake"),
            ("fake_at", pa.float64(), "p_fake from which a video is called fake; null: the guarantee was refused"),
            ("suspicious_at", pa.float64(), "p_fake from which a video is called suspicious"),
            ("authentic", pa.int32(), "authentic videos that it was fitted on"),
            ("fake", pa.int32(), "fake videos that it was fitted on"),
            ("refused", pa.string(), "why there is no fake_at; null where there is one"),
            _SPLIT,
            RUN,
            _AT,
        ),
        required=("model", "model_version", "calibration_id", "aggregation", "temperature", "suspicious_at", "at"),
        sort_by=("model", "model_version"),
    ),
    TableSpec(
        "part_scores",
        "Append-only: how far a window's logit falls when a part of the face is blurred",
        columns_of(
            VIDEO,
            TRACK,
            ("part", pa.string(), "mouth, eyes, ...; rest: all of the picture that is none of the parts"),
            ("drop", pa.float64(), "fall of the logit; above 0: the part speaks for fake"),
            ("window", pa.int32(), "0-based within the track, as in scores"),
            ("start_s", pa.float64(), "seconds, first frame of the window"),
            ("end_s", pa.float64(), "seconds, last frame of the window"),
            ("area", pa.float64(), "share of the picture that the part takes up, mean over the window"),
            ("generator_version", pa.string(), "whose parts they are: its number in the registry"),
            _MODEL,
            _VERSION,
            RECIPE,
            RUN,
            _AT,
        ),
        required=("video_id", "part", "model", "model_version", "at"),
        sort_by=("video_id", "track_id", "part", "window"),
    ),
    TableSpec(
        "near_matches",
        "Append-only: two videos of nearly the same footage, by their perceptual hashes",
        columns_of(
            ("video_id", pa.string(), "the video whose id sorts first"),
            ("match_id", pa.string(), "the other"),
            ("bits", pa.float64(), "mean number of bits, of 64, in which their frames' hashes differ"),
            RUN,
            _AT,
        ),
        required=("video_id", "match_id"),
        sort_by=("video_id", "match_id"),
    ),
    TableSpec(
        "promotions",
        "Append-only: each decision on which model version is champion, with the figures it rests on",
        columns_of(
            _MODEL,
            _VERSION,
            ("replaced", pa.string(), "the champion before; null: there was none"),
            ("outcome", pa.string(), "promoted or refused"),
            ("reason", pa.string(), "in words"),
            ("metric", pa.string(), "what was compared"),
            ("challenger", pa.float64(), "the metric of the version at issue"),
            ("champion", pa.float64(), "the metric of the champion before"),
            ("low", pa.float64(), "lower end of the interval of the difference"),
            ("high", pa.float64(), "upper end of the interval of the difference"),
            _SPLIT,
            ("by", pa.string(), "who decided"),
            RUN,
            _AT,
        ),
        required=("model", "model_version", "outcome", "at"),
        sort_by=("model", "model_version"),
    ),
    TableSpec(
        "drift",
        "Append-only: how far what comes in lately is from what the champion was trained beside, one row a measure",
        columns_of(
            ("measure", pa.string(), "score, face_height, sharpness, no_face or codec"),
            ("reference_n", pa.int64(), "videos that had the measure, of those that were there at the training"),
            ("recent_n", pa.int64(), "videos that had the measure, of those that came lately"),
            ("psi", pa.float64(), "population stability index; null: too few videos"),
            ("ks", pa.float64(), "Kolmogorov-Smirnov statistic; null: too few videos, or the measure has no values"),
            ("p", pa.float64(), "how often chance alone sets two sides so far apart; null: too few videos"),
            ("threshold", pa.float64(), "the PSI from which the measure has drifted, unless chance explains it"),
            ("ks_threshold", pa.float64(), "the KS from which it has; null: the measure has no values"),
            ("drifted", pa.bool_(), "null: not told, too few videos"),
            ("reason", pa.string(), "what moved from where to where, or why it is not told"),
            ("model_version", pa.string(), "the champion, whose training is the reference"),
            ("trained_at", TIME, "start of that training: the reference came until then"),
            ("since", TIME, "the recent videos came after this"),
            RUN,
            _AT,
        ),
        required=("measure", "model_version", "at"),
        sort_by=("measure",),
    ),
)
