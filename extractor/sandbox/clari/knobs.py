"""What can be switched about this vendor, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

__all__ = ["Knobs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Knobs:
    """Switches; on the command line their names have hyphens, and switches that are on or off take 1 or 0.

    Attributes:
        skip_cap: the Copilot API refuses a larger `skip`.
        max_bytes: the Copilot API answers 502 when a body would be larger.
        weekly: requests that the Copilot API allows in a week.
        weekly_used: how many of them others use, in every week.
        spec_templates_key: scorecard templates come under the key of the specification, not that of the live API.
        job_latency: milliseconds from the order of an export to its end, a quarter of them in the queue.
        job_fail: share of the jobs that end as FAILED.
        job_rows: a file that would have more rows is cut off there, and its job has `rowsTruncated`.
        jobs_at_once: exports of the organisation that may be queued or running.
        monthly_quota: exports of the organisation in any 30 days.
        jobs_object: the list of jobs comes as `{"jobs": [...]}`.
        foreign_next: `nextLink` of the audit events leads to another host.
        next_repeat: `nextLink` of the second page leads to the second page.
        forecast_csv: forecast exports are CSV whatever was asked for.
        no_optin: so many of the configured forecasts, the last ones, are not open to the user of the token.
    """

    skip_cap: int = 10_000
    max_bytes: int = 6_000_000
    weekly: int = 100_000
    weekly_used: int = 0
    spec_templates_key: bool = False
    job_latency: float = 600.0
    job_fail: float = 0.0
    job_rows: int = 1_000_000
    jobs_at_once: int = 3
    monthly_quota: int = 1_000
    jobs_object: bool = False
    foreign_next: bool = False
    next_repeat: bool = False
    forecast_csv: bool = False
    no_optin: int = 0

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Knobs:
        """Knobs from words.

        Raises:
            ValueError: a name is unknown, or a value makes no sense; says which and what is taken.
        """
        kinds = {field.name.replace("_", "-"): type(field.default) for field in fields(cls)}
        values: dict[str, bool | int | float] = {}
        for name, text in given.items():
            if name not in kinds:
                raise ValueError(f"clari has no knob {name!r}; it has {', '.join(kinds)}")
            values[name.replace("-", "_")] = _value(name, kinds[name], text)
        return cls(**values)  # type: ignore[arg-type]


def _value(name: str, kind: type, text: str) -> bool | int | float:
    if kind is bool:
        if text not in ("0", "1"):
            raise ValueError(f"knob {name} takes 0 or 1")
        return text == "1"
    try:
        number: float = int(text) if kind is int else float(text)
    except ValueError:
        number = -1
    most = 1 if name == "job-fail" else 1e12
    if not 0 <= number <= most:
        raise ValueError(f"knob {name} takes a{' whole' * (kind is int)} number from 0 to {most:g}")
    return number
