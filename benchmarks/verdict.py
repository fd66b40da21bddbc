"""A measured figure against its target, as one printed line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was claimed, what was measured (in words), and whether it holds."""

    claim: str
    measured: str
    holds: bool

    def __str__(self) -> str:
        return f"{'PASS' if self.holds else 'FAIL'}  {self.claim}: {self.measured}"


def at_least(claim: str, value: float, least: float, unit: str = "x") -> Verdict:
    return Verdict(f"{claim}, at least {least:g}{unit}", f"{value:.2f}{unit}", value >= least)


def at_most(claim: str, value: float, most: float, unit: str) -> Verdict:
    return Verdict(f"{claim}, at most {most:g}{unit}", f"{value:.2f}{unit}", value <= most)
