"""The watch flow: where enough new labels are there, one retraining is started, however many ask at once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from prefect import flow, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound

from fakelake.catalog.lake import Lake
from fakelake.infra.events import GIVEN_UP, tell
from fakelake.infra.settings import Settings

RETRAIN = "retrain/retrain"  # flow and deployment


@dataclass(slots=True, kw_only=True)
class WatchSummary:
    """outcome: nothing | due | started | under way | given up | here (the caller has to run it itself)."""

    lake: str
    outcome: str
    watermark: str
    new: dict[str, int]
    reason: str = ""
    flow_run: str | None = None

    def lines(self) -> list[str]:
        counted = ", ".join(f"{number} {name}" for name, number in self.new.items())
        last = "no training yet" if self.watermark == "none" else f"training {self.watermark[:8]}"
        said = {
            "nothing": "not enough to train again",
            "due": f"a training is due: {self.reason}",
            "here": f"a training is due: {self.reason}",
            "started": f"{self.reason}: flow run {self.flow_run} was started",
            "under way": f"{self.reason}: flow run {self.flow_run} is at it",
            "given up": f"{self.reason}; but all tries for these labels failed. See the last, flow run "
            f"{self.flow_run}, mend its cause, and run `fakelake train detector` yourself",
        }
        return [f"new labels since {last}: {counted}", said[self.outcome]]


@flow(name="watch", retries=2, retry_delay_seconds=20, timeout_seconds=1800, validate_parameters=False)
def watch(lake: str | None = None, dry_run: bool = False) -> WatchSummary:
    """Compare the labels with those that the last training knew, and start a retraining where enough are new.

    lake:    directory or s3:// prefix; default FAKELAKE_LAKE or ./lake
    dry_run: only say what would be done

    The truth is the lake. Of all watches that see the same last training only one starts a run, by its idempotency
    key; a run that crashed or failed is followed by another, up to FAKELAKE_RETRAIN_TRIES.
    """
    from fakelake.tasks.new_labels import new_labels

    settings = Settings()
    opened = Lake.open(lake or settings.lake)
    found = new_labels(opened)
    reason = found.due(settings.retrain_labels, settings.retrain_share)
    summary = WatchSummary(
        lake=opened.location.root, outcome="nothing", watermark=found.watermark, new=found.new, reason=reason
    )
    if not reason:
        return summary
    if dry_run:
        summary.outcome = "due"
        return summary
    summary.outcome, summary.flow_run = start_retraining(
        keys(opened.location.root, found.watermark, settings.retrain_tries), opened.location.root, found.watermark
    )
    if summary.outcome == "given up":
        tell(summary.lake, GIVEN_UP, why=reason)
    return summary


def keys(lake: str, watermark: str, tries: int) -> list[str]:
    """Idempotency keys of the tries for one watermark of one lake, first to last."""
    of = hashlib.sha256(f"{lake}\n{watermark}".encode()).hexdigest()[:32]
    return [f"retrain:{of}:{number}" for number in range(tries)]


def start_retraining(keys: Sequence[str], lake: str, watermark: str) -> tuple[str, str | None]:
    """The first key under which nothing was tried, unless an earlier try is under way. Returns outcome and flow run.

    `here` where no server has the deployment: the caller runs the retraining itself.
    """
    with get_client(sync_client=True) as client:
        wanted = FlowRunFilter(idempotency_key=FlowRunFilterIdempotencyKey(any_=list(keys)))
        tried = {run.idempotency_key: run for run in client.read_flow_runs(flow_run_filter=wanted)}
    latest = None
    for key in keys:
        run = tried.get(key)
        if run is None:
            try:
                started = run_deployment(
                    RETRAIN, parameters={"lake": lake, "watermark": watermark}, timeout=0, idempotency_key=key,
                    as_subflow=False,
                )  # fmt: skip
            except ObjectNotFound:
                return "here", None
            return "started", str(started.id)
        if run.state is None or not run.state.is_final():
            return "under way", str(run.id)
        latest = str(run.id)
    return "given up", latest
