"""Options that all commands share, and how an error becomes words and an exit code."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Annotated

import typer

LakeOption = Annotated[
    str | None,
    typer.Option("--lake", help="The lake: a directory or an s3:// prefix.", show_default="$FAKELAKE_LAKE or ./lake"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer for machines.")]

# Raised with a text that says what to do: no traceback needed. By name, so that nothing heavy is imported to look.
FOR_PEOPLE = {
    *("FileExistsError", "LakeBusy", "LakeFormatError", "LakeNotFound", "LakePathError", "LeaseLost", "NoSuchVideo"),
    *("ClusterUnfit", "PartMissing", "RowsRefused", "RunAborted", "FileDamaged", "LossRefused", "SnapshotGone"),
    *("LabelListError", "LeakageError", "SplitError", "SplitNotFound", "VideoNotFound", "RecipeUnknown"),
    *("WeightsCorrupt", "WeightsMissing", "WeightsUnfit", "WheelUnavailable", "ModelMissing", "BundleUnfit"),
    *("NothingToLearnFrom", "OneClassOnly", "TrainingDiverged", "OtherTraining", "EvaluationError", "NoFittingCrops"),
    *("HeldByAnother", "WorkersFailed", "NotScored", "CropsChanged", "SourceUnfit", "NothingToDraw"),
    *("PortTaken", "ServiceFailed", "NoFittingFace", "SwapNotPermitted", "SignerUnfit", "NotSigned"),
}
BAD_USAGE = {
    "PartUnknown",
    "ValueError",
    "ValidationError",
    "BadParameter",
    "RetentionTooShort",
    "SqlRefused",
    "ModelUnnamed",
}


def lake_root(lake: str | None) -> str:
    """--lake, else FAKELAKE_LAKE, else ./lake."""
    return lake or os.environ.get("FAKELAKE_LAKE") or "./lake"


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def fail(error: BaseException) -> int:
    """Print an error for a person; the traceback only where the error is not one of ours. Returns the exit code."""
    name = type(error).__name__
    if is_server_gone(error) and not os.environ.get("FAKELAKE_TRACEBACK"):
        server = os.environ.get("PREFECT_API_URL", "this machine")
        print(
            f"fakelake: the Prefect server at {server} does not answer any more. What was committed is safe. Start the "
            "server again (fakelake up), or unset PREFECT_API_URL, and give the same command: it goes on from there.",
            file=sys.stderr,
        )
        return 1
    if name not in FOR_PEOPLE | BAD_USAGE or os.environ.get("FAKELAKE_TRACEBACK"):
        traceback.print_exception(error)
        print(f"fakelake failed unexpectedly: {name}: {error}", file=sys.stderr)
        return 1
    print(f"fakelake: {error}", file=sys.stderr)
    return 2 if name in BAD_USAGE else 1


def is_server_gone(error: BaseException) -> bool:
    """Whether Prefect's server is what failed. By name, as everywhere here, so that nothing is imported to look."""
    kinds = {kind.__name__ for kind in type(error).__mro__ if kind.__module__.partition(".")[0] == "httpx"}
    return "TransportError" in kinds or "Failed to reach API at" in str(error)
