"""The upkeep flow: check that the lake is whole; merge small files and remove what nobody reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta

from prefect import flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from fakelake.catalog.check import check
from fakelake.catalog.compact import compact
from fakelake.catalog.lake import Lake
from fakelake.catalog.vacuum import vacuum
from fakelake.infra.events import DAMAGED, tell
from fakelake.infra.settings import Settings


@dataclass(slots=True, kw_only=True)
class MaintainSummary:
    """findings: what `catalog check` finds wrong; empty for a lake that is whole."""

    lake: str
    merged: int
    removed: int
    removed_mb: float
    findings: list[str]

    @property
    def exit_code(self) -> int:
        return 1 if self.findings else 0

    def lines(self) -> list[str]:
        return [
            f"{self.merged} tables merged; {self.removed} files ({self.removed_mb} MB) that nobody reads are gone",
            *(self.findings or ["the lake is whole"]),
        ]


@flow(name="maintain", timeout_seconds=6 * 3600, validate_parameters=False)
def maintain(lake: str | None = None, days: float = 7.0, deep: bool = False) -> MaintainSummary:
    """Check, then compact and vacuum what is whole. Ingests, scorings and open shells go on meanwhile.

    lake: directory or s3:// prefix; default FAKELAKE_LAKE or ./lake
    days: keep every state of the last so many days, and files younger than that
    deep: read every byte in the check, not only the ends of files

    A lake with faults is left as it is; they become the event `fakelake.lake.damaged`.
    """
    opened = Lake.open(lake or Settings().lake)
    report = check(opened, deep=deep)
    merged, removed = [], []
    if report.whole:  # else what is left may be what mends it
        merged = compact(opened)
        removed = vacuum(opened, timedelta(days=days))
    summary = MaintainSummary(
        lake=opened.location.root, merged=len(merged), removed=len(removed),
        removed_mb=round(sum(file.bytes for file in removed) / 1e6, 1),
        findings=[f"{f.rule}: {f.subject}. {f.text} {f.remedy}" for f in report.findings if f.fault],
    )  # fmt: skip
    if merged:
        create_table_artifact([asdict(each) for each in merged], key="maintain-merged", description="tables merged")
    said = "\n".join(f"- {line}" for line in summary.lines())
    create_markdown_artifact(f"# Upkeep\n\n{said}", key="maintain-summary", description="what the upkeep found and did")
    if summary.findings:
        tell(summary.lake, DAMAGED, findings=summary.findings[:20])
    return summary
