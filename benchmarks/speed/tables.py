"""Results as Markdown tables, which are read as text just as well."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.speed.results import Result

__all__ = ["about", "figures", "report", "runs", "settings"]


def runs(result: Result) -> str:
    """What each contender did, medians."""
    head = (
        *("trial", "contender", "work", "records/s", "requests/s", "s", "CPU s", "fetch MB", "load MB"),
        *("1st request s", "in flight", "429", "limit used", "repeated", "whole"),
    )
    rows = [
        (
            each["trial"],
            each["contender"],
            "all" if each["part"] == 1 else f"{each['part']:.0%}",
            _number(each["records_a_second"]),
            _number(each["requests_a_second"]),
            _number(each["seconds"]),
            _number(each["cpu_seconds"]),
            _number(each["fetch_bytes"] / 1e6),
            _number(each["load_bytes"] / 1e6),
            _number(each["first_request"]),
            _number(each["most_in_flight"]),
            _number(each["too_many"]),
            "–" if each["share"] is None else f"{each['share']:.1%}",
            _number(each["repeated"]),
            "yes" if each["whole"] else f"no: exit {each['code']}, {each['records']:,.0f} records",
        )
        for each in result["summary"]
    ]
    return _table(head, rows)


def settings(result: Result) -> str:
    """How each contender is set up, and what becomes of its records."""
    told = {each["contender"]: each["what"] for each in result["summary"]}
    return "\n".join(f"* {name}: {what}" for name, what in told.items())


def figures(result: Result) -> str:
    """What the case is about, with targets."""
    rows = [(each["words"], _number(each["value"]), _target(each), _verdict(each["met"])) for each in result["figures"]]
    return _table(("figure", "median", "target", "met"), rows)


def about(result: Result) -> str:
    """Where, when, with what."""
    machine = ", ".join(f"{name} {value}" for name, value in result["machine"].items())
    versions = ", ".join(f"{name} {value}" for name, value in result["versions"].items())
    return (
        f"`{result['command']}`, {result['date']}; repeated {len(result['repeats'])} ×, scale {result['scale']:g}.\n"
        f"{machine}.\n{versions}.\n"
        f"The desk answers {result['ceiling']:,} requests a second at most."
    )


def report(results: Sequence[Result]) -> str:
    """All of them, for `README.md` among the results."""
    parts = ["# Results", "Written by `python -m benchmarks speed`; `../README.md` says what each column means."]
    for result in results:
        parts += [
            f"## Case {result['case']}: {result['title']}",
            about(result),
            figures(result),
            runs(result),
            settings(result),
        ]
        parts += [f"![{name}]({name})" for name in result["files"]]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def _number(value: float | None) -> str:
    """Three digits or more, whole where they suffice."""
    if value is None:
        return "–"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _target(figure: Result) -> str:
    bounds = [f"≥ {_number(figure['least'])}"] if figure["least"] is not None else []
    bounds += [f"≤ {_number(figure['most'])}"] if figure["most"] is not None else []
    return ", ".join(bounds) or "–"


def _verdict(met: bool | None) -> str:
    return {True: "yes", False: "no", None: "–"}[met]
