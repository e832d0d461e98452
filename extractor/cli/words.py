"""What may be typed after an option, and the values it becomes."""

from __future__ import annotations

import math
import re
from datetime import date

import click

from extractor.errors import UsageError
from extractor.failures import FailureLimit

__all__ = ["DURATION", "FAILURE_LIMIT", "NAME", "NAMES", "PARAM", "SHARE", "UTC_DAY"]

units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
duration = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)", re.ASCII)
safe_name = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*", re.ASCII)


class UtcDay(click.ParamType[date]):
    """A day, `2024-03-31`."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Raises click's BadParameter for what is not a day."""
        if isinstance(value, date):
            return value
        day = day_of(str(value))
        if day is None:
            self.fail(f"{str(value)!r} is not a day; write YEAR-MONTH-DAY, for instance 2024-03-31 (UTC).", param, ctx)
        return day


class Duration(click.ParamType[float]):
    """Seconds, written with a unit: `30s`, `2m`, `500ms`, `1h`."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Raises click's BadParameter for what is not a positive duration."""
        if isinstance(value, float):
            return value
        text = str(value)
        found = duration.fullmatch(text.strip())
        seconds = float(found[1]) * units[found[2]] if found else 0.0
        if seconds <= 0 or math.isinf(seconds):
            self.fail(f"{text!r} is not a duration; write 500ms, 30s, 2m or 1h.", param, ctx)
        return seconds


class Names(click.ParamType[tuple[str, ...]]):
    """Names with commas between them."""

    name = "names"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Raises click's BadParameter if no name is left."""
        if isinstance(value, tuple):
            return value
        names = tuple(name for part in str(value).split(",") if (name := part.strip()))
        if not names:
            self.fail("names no resource; see: python -m extractor resources VENDOR", param, ctx)
        return names


class Param(click.ParamType[tuple[str, str]]):
    """A name and its value, `NAME=VALUE`."""

    name = "param"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Raises click's BadParameter if there is no name or no value."""
        if isinstance(value, tuple):
            return value
        name, _, text = str(value).partition("=")
        if not name.strip() or not text:
            self.fail(f"{str(value)!r} is no parameter; write NAME=VALUE.", param, ctx)
        return name.strip(), text


class Share(click.ParamType[float]):
    """A part of the whole: more than 0, at most 1."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Raises click's BadParameter for what is no such number."""
        try:
            share = float(str(value))
        except ValueError:
            share = math.nan
        if not 0 < share <= 1:
            self.fail(
                f"{str(value)!r} is not a share; write a number above 0 and up to 1, for instance 0.5.",
                param,
                ctx,
            )
        return share


class LimitOnFailures(click.ParamType[str]):
    """A number of lists, `20`, or a share of them, `5%`."""

    name = "limit"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises click's BadParameter for what is neither."""
        try:
            return str(FailureLimit.of(str(value)))
        except UsageError as error:
            self.fail(str(error), param, ctx)


class SafeName(click.ParamType[str]):
    """A name that is also that of a folder."""

    name = "name"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises click's BadParameter for what can't be one."""
        text = str(value)
        if not safe_name.fullmatch(text) or len(text) > 100:
            self.fail(f"{text!r} can't be a name; use up to 100 letters, digits, _ and -.", param, ctx)
        return text


def day_of(text: str) -> date | None:
    """The day, in this one form: `fromisoformat` would also take weeks and days without dashes."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


UTC_DAY = UtcDay()
DURATION = Duration()
FAILURE_LIMIT = LimitOnFailures()
NAMES = Names()
PARAM = Param()
SHARE = Share()
NAME = SafeName()
