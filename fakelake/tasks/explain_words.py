"""What a verdict means, in sentences: for a moderator who does not speak statistics."""

from __future__ import annotations

from fakelake.tasks.facts import Reading, Verdict

RARE = 0.01  # a share of fakes as archives have it: the figure that validation's mix hides
FEW = 50  # videos of a class, under which a calibration is a demonstration
CALIBRATED = 0.5  # the share that p_fake is stated for: training and calibration weigh both classes alike
BANDS = {
    "fake": "Fake",
    "suspicious": "Suspicious",
    "authentic": "Authentic",
    "not_applicable": "Not applicable",
    "failed": "Failed",
    None: "No verdict",
}
AGGREGATIONS = {
    "mean": "the mean of the windows of each face, then the highest face",
    "max": "the highest window of each face, then the highest face",
    "top": "the mean of the higher half of each face's windows, then the highest face",
}


def percent(p: float) -> str:
    """A probability for people: never 0 % or 100 %, which no detector can mean."""
    if p < 0.001:
        return "under 0.1 %"
    if p > 0.999:
        return "over 99.9 %"
    digits = 1 if p < 0.1 or p > 0.9 else 0
    return f"{100 * p:.{digits}f} %"


def about(p: float) -> str:
    """The same in a sentence."""
    said = percent(p)
    return said if said.startswith(("under", "over")) else f"about {said}"


def headline(verdict: Verdict) -> str:
    """One line: the band and the figure."""
    band = BANDS[verdict.band]
    return f"{band}: p_fake {percent(verdict.p_fake)}" if verdict.scored else band


def meaning(p_fake: float, reading: Reading) -> list[str]:
    """Sentences on what the figure says and what it does not."""
    if reading.calibration_id is None:
        return [
            f"The model has no calibration, so {percent(p_fake)} is not a probability. It only orders videos: a "
            "higher one looks more like a fake to the model."
        ]
    said = []
    if reading.authentic is not None and reading.fake is not None and min(reading.authentic, reading.fake) < FEW:
        said.append(
            f"Do not rely on this figure: it was calibrated on {reading.authentic} authentic and {reading.fake} fake "
            f"videos, and means little with fewer than {FEW} of either."
        )
    if reading.authentic and reading.fake:
        rare = at_prevalence(p_fake, CALIBRATED, RARE)
        said.append(
            "Where one half of the videos is fake, and they are like those that the model was calibrated on, "
            f"{about(p_fake)} of the ones with this figure are fake."
        )
        said.append(f"In an archive where 1 video in 100 is fake, the same evidence means {about(rare)}.")
    else:
        said.append(f"Among videos like those that the model was calibrated on, {about(p_fake)} with this "
                    "figure are fake.")  # fmt: skip
    said.append(
        "Footage unlike those videos (another camera, codec, or kind of fake) can be misjudged with any figure."
    )
    return said


def at_prevalence(p_fake: float, share: float, rare: float) -> float:
    """The posterior p_fake, found where a share of the videos was fake, for another share (Bayes' rule)."""
    fake, authentic = p_fake * rare / share, (1 - p_fake) * (1 - rare) / (1 - share)
    return fake / (fake + authentic)


def calibration(reading: Reading) -> list[str]:
    """Sentences on where the figure and the thresholds come from."""
    made = f"The figure is made of {AGGREGATIONS.get(reading.aggregation, reading.aggregation)}"
    if reading.calibration_id is None:
        return [f"{made}.", "Nobody calibrated this version: no video is called fake, and suspicious starts at 50 %."]
    seen = [f"{n} {word}" for n, word in ((reading.authentic, "authentic"), (reading.fake, "fake")) if n is not None]
    on = f" on {' and '.join(seen)} videos" if seen else ""
    said = [f"{made}, divided by the temperature {reading.temperature:.3g} that was fitted{on}."]
    said.append(f"Suspicious starts at {percent(reading.suspicious_at)}.")
    if reading.fake_at is None:
        said.append(f"No video is called fake: {reading.refused or 'the guarantee was refused'}.")
    else:
        bound = f", so that at most {percent(reading.alpha)} of authentic videos are" if reading.alpha else ""
        said.append(f"A video is called fake from {percent(reading.fake_at)} on{bound}, on footage of the same kind.")
    return said


def decision(verdict: Verdict) -> str | None:
    """What a person said, of this video or of nearly the same footage; None where nobody did."""
    if verdict.decided is None:
        return None
    who, word = verdict.decided_by or "Someone", {"real": "authentic"}.get(verdict.decided, verdict.decided)
    if verdict.decided_on == verdict.video_id:
        return f"{who} decided: {word}."
    other = verdict.decided_on_name or "another video"
    return f"{who} decided on nearly the same footage, {other} ({(verdict.decided_on or '')[:12]}): {word}."
