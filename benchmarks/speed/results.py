"""What a case found, as JSON: the summary of its repeats, its figures, and the course of its first repeat."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.speed.cases import CASES
from benchmarks.speed.contenders import CONTENDERS
from benchmarks.speed.figures import Repeat, reckoned
from benchmarks.speed.trials import Measured, Trial

__all__ = ["Result", "result", "save", "saved"]

Result = Mapping[str, Any]
"""Of one case; its keys are those that `result` makes."""

_POINTS = 120
"""Samples that are kept of a run, for its chart."""


def result(
    number: int, trials: Sequence[Trial], repeats: Sequence[Repeat], *, scale: float, about: Mapping[str, object]
) -> Result:
    """The result of a case.

    Args:
        number: of the case.
        trials: those that were run.
        repeats: at least one.
        scale: 1 for the whole; below, targets are told but not judged.
        about: date, command, machine, versions.
    """
    case = CASES[number]
    return {
        "case": number,
        "title": case.title,
        "scale": scale,
        **about,
        "figures": [
            {
                "words": figure.words,
                "value": value,
                "least": figure.least,
                "most": figure.most,
                "met": figure.holds(value) if scale >= 1 and figure.has_target else None,
            }
            for figure, value in reckoned(case.figures, repeats)
        ],
        "summary": [
            _summary(trial, [repeat[pair] for repeat in repeats if pair in repeat])
            for trial in trials
            for contender in trial.contenders
            if (pair := (trial.name, contender.name)) in repeats[0]
        ],
        "courses": [
            _course(trial, repeats[0][trial.name, contender.name])
            for trial in trials
            for contender in trial.contenders
            if (trial.name, contender.name) in repeats[0]
        ],
        "repeats": [
            [{"trial": trial, **_plain(measured)} for (trial, _), measured in repeat.items()] for repeat in repeats
        ],
    }


def save(found: Result, folder: Path) -> None:
    """Keep it, in place of an older one of the same case."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"case-{found['case']}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def saved(folder: Path) -> list[Result]:
    """Those that are kept, in the order of their cases."""
    return [json.loads(file.read_text()) for file in sorted(folder.glob("case-*.json"))]


def _summary(trial: Trial, runs: Sequence[Measured]) -> dict[str, object]:
    """Medians of one contender in one trial; codes and wholeness are the worst."""
    return {
        "trial": trial.name,
        "contender": runs[0].contender,
        "what": CONTENDERS[runs[0].contender].what,
        "part": runs[0].part,
        "charts": sorted(trial.charts),
        "whole": all(each.whole for each in runs),
        "code": max((each.code for each in runs), key=abs),
        "records_a_second": _median(each.records_a_second for each in runs),
        "requests_a_second": _median(each.requests_a_second for each in runs),
        "seconds": _median(each.seconds for each in runs),
        "cpu_seconds": _median(each.cpu_seconds for each in runs),
        "fetch_bytes": _median(each.fetch_bytes for each in runs),
        "load_bytes": _median(each.load_bytes for each in runs),
        "first_request": _median(each.first_request for each in runs),
        "records": _median(each.records for each in runs),
        "requests": _median(each.counted.requests for each in runs),
        "most_in_flight": _median(each.counted.most_in_flight for each in runs),
        "too_many": _median(each.counted.too_many for each in runs),
        "share": _median(each.share for each in runs),
        "repeated": _median(each.counted.repeated for each in runs),
    }


def _median(values: Any) -> float | None:  # noqa: ANN401 - numbers, some of them None
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _course(trial: Trial, run: Measured) -> dict[str, object]:
    """How a run went on: `[seconds, requests, records, fetch bytes, load bytes]`, and requests by second."""
    step = -(-len(run.samples) // _POINTS) or 1
    return {
        "trial": trial.name,
        "contender": run.contender,
        "rate": trial.size.rate if trial.limited else None,
        "first": run.counted.first,
        "samples": [
            [round(each.seconds, 2), each.requests, each.records, each.fetch_bytes, each.load_bytes]
            for each in run.samples[::step]
        ],
        "admitted": run.counted.admitted if trial.limited else (),
        "refused": run.counted.refused if trial.limited else (),
    }


def _plain(run: Measured) -> dict[str, object]:
    """As JSON, without what `courses` tells."""
    plain = asdict(run)
    del plain["samples"], plain["counted"]["admitted"], plain["counted"]["refused"]
    plain["counted"]["too_many"] = run.counted.too_many
    return plain
