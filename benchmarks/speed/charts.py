"""Results as pictures: bars against peers, requests in each second against the limit, memory over records."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmarks.speed.contenders import FLOOR, OURS
from benchmarks.speed.results import Result

__all__ = ["draw"]

_OURS, _PEER, _FLOOR, _BAD = "#1f5fa8", "#9aa5b1", "#d9b44a", "#c0392b"
_OTHERS = ("black", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#e6ab02", "#a6761d")
_MEAN_S = 5
"""Seconds over which throughput is averaged."""


def draw(result: Result, folder: Path) -> list[str]:
    """Draw what the case has to show; the names of the files."""
    mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    names = []
    trials = list(dict.fromkeys(each["trial"] for each in result["summary"]))
    charts = {each["trial"]: each["charts"] for each in result["summary"]}
    for trial in trials:
        if "bars" in charts[trial]:
            rows = [each for each in result["summary"] if each["trial"] == trial]
            names.append(_save(_bars(trial, rows), folder, result, f"{trial}-bars"))
        if "limit" in charts[trial]:
            courses = [each for each in result["courses"] if each["trial"] == trial and each["admitted"]]
            names.append(_save(_limit(trial, courses), folder, result, f"{trial}-limit"))
    ours = [
        each
        for each in result["courses"]
        if each["contender"] == OURS.name and "memory" in charts[each["trial"]] and len(each["samples"]) > 1
    ]
    if ours:
        names.append(_save(_memory(ours), folder, result, "memory"))
    return names


def _save(figure: Figure, folder: Path, result: Result, name: str) -> str:
    file = f"case-{result['case']}-{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}.png"
    # Nothing in the file changes from one machine to the next but what was measured.
    figure.savefig(folder / file, dpi=130, metadata={"Software": None})
    return file


def _bars(trial: str, rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Records a second of each contender, ours first."""
    figure = Figure(figsize=(8, 0.6 + 0.42 * len(rows)), layout="constrained")
    axes = figure.subplots()
    colours = {OURS.name: _OURS, FLOOR.name: _FLOOR}
    drawn = rows[::-1]
    values = [each["records_a_second"] for each in drawn]
    axes.barh(
        [each["contender"] for each in drawn],
        values,
        color=[colours.get(each["contender"], _PEER) for each in drawn],
    )
    for place, (value, each) in enumerate(zip(values, drawn, strict=True)):
        part = "" if each["part"] == 1 else f" (a run of {each['part']:.0%})"
        failed = "" if each["whole"] else " – not whole"
        axes.text(value, place, f" {value:,.0f}{part}{failed}", va="center")
    axes.margins(x=0.2)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("records a second, from the start of the process to its end; the floor loads nothing")
    axes.set_title(trial, loc="left")
    return figure


def _limit(trial: str, courses: Sequence[Mapping[str, Any]]) -> Figure:
    """Above the throughput of all against the limit, below our own requests in each second."""
    figure = Figure(figsize=(8, 5.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    rate = courses[0]["rate"]
    longest = max(max(_by_second(course, "admitted")) for course in courses)
    for course, colour in zip(courses, cycle(_OTHERS), strict=False):
        seconds, means = _means(course)
        if course["contender"] == OURS.name:
            above.plot(seconds, means, label=OURS.name, color=_OURS, linewidth=2.2, zorder=3)
            # Some are so slow that all others would be a stroke beside them.
            above.set_xlim(-1, min(1.5 * seconds[-1], longest + 1))
        else:
            above.plot(seconds, means, label=course["contender"], color=colour, linewidth=1)
    _line(above, rate)
    above.set_ylabel(f"let in, mean of {_MEAN_S} s")
    above.set_title(f"{trial}: requests a second", loc="left")
    above.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    for course in courses:
        if course["contender"] == OURS.name:
            admitted, refused = (_by_second(course, name) for name in ("admitted", "refused"))
            below.bar(list(admitted), list(admitted.values()), width=0.9, color=_OURS, label="let in")
            if refused:
                bottom = [admitted.get(second, 0) for second in refused]
                below.bar(list(refused), list(refused.values()), width=0.9, bottom=bottom, color=_BAD, label="429")
    _line(below, rate)
    below.set_ylabel(f"{OURS.name}, each second")
    below.set_xlabel("seconds since the first request")
    below.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def _line(axes: Axes, rate: int) -> None:
    axes.axhline(rate, color="black", linewidth=0.8, linestyle="--", label=f"limit: {rate}")
    axes.set_ylim(0, rate * 1.6)


def _by_second(course: Mapping[str, Any], name: str) -> dict[int, int]:
    """Requests by second since the first one."""
    return {second - int(course["first"]): count for second, count in course[name]}


def _means(course: Mapping[str, Any]) -> tuple[list[int], list[float]]:
    counts = _by_second(course, "admitted")
    ends = range(_MEAN_S, max(max(counts) + 1, _MEAN_S + 1))
    return list(ends), [sum(counts.get(end - back, 0) for back in range(_MEAN_S)) / _MEAN_S for end in ends]


def _memory(courses: Sequence[Mapping[str, Any]]) -> Figure:
    """Resident memory of our two processes while records come, or as time goes by where one answer has them all."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    one_answer = all(sample[1] <= 1 for course in courses for sample in course["samples"])
    along = 0 if one_answer else 2
    for shade, course in enumerate(courses):
        samples = [each for each in course["samples"] if each[2]]
        weight = 1 - 0.6 * shade / max(1, len(courses))
        for column, half, colour in ((3, "fetch", _OURS), (4, "load", _BAD)):
            living = [each for each in samples if each[column]]
            memory = [each[column] / 1e6 for each in living]
            label = f"{half}: {course['trial']}"
            axes.plot([each[along] for each in living], memory, color=colour, alpha=weight, label=label)
    if not one_answer:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(0)
    axes.set_xlabel("seconds since the start" if one_answer else "records that the desk has sent")
    axes.set_ylabel("MB")
    axes.set_title(f"{OURS.name}: memory over {'time' if one_answer else 'records'}", loc="left")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure
