"""`python -m extractor.sandbox VENDOR`: play a vendor until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module

import orjson

from extractor.sandbox.faults import FAULTS, Amount, amount
from extractor.sandbox.options import Options
from extractor.sandbox.server import Play, Sandbox, Stage

__all__ = ["main"]

VENDORS = ("assembled", "clari", "gladly", "gorgias", "snapengage")
PROGRAM = "python -m extractor.sandbox"
PR_SET_PDEATHSIG = 1  # from linux/prctl.h


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; on stdout one line of JSON with vendor, base_url and settings, then nothing more.

    Returns:
        0 after SIGTERM or SIGINT, 2 for options or knobs that make no sense, or a port that is taken.
    """
    parent = os.getppid()
    parser = _parser()
    words = vars(parser.parse_args(arguments))
    vendor = words.pop("vendor")
    words["fault"] = dict(words["fault"])
    words["knob"] = dict(words["knob"])
    words["rate_change"] = tuple(words["rate_change"])
    try:
        options = Options(**words)
    except ValueError as error:
        parser.error(str(error))
    if options.die_with_parent:
        _die_with(parent)
    try:
        return _run(_serve(_performer(vendor), options))
    except OSError as error:
        sys.stderr.write(f"The sandbox can't listen on port {options.port}: {error.strerror or error}\n")
        return 2


def _performer(vendor: str) -> Callable[[Stage], Play]:
    """The function of the vendor's name in its routes; nothing of the others is imported."""
    performer: Callable[[Stage], Play] = getattr(import_module(f"extractor.sandbox.{vendor}.routes"), vendor)
    return performer


async def _serve(perform: Callable[[Stage], Play], options: Options) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sandbox = Sandbox(options, perform)
    try:
        try:
            told = await sandbox.start()
        except ValueError as error:  # a knob that the vendor does not have, or not with this value
            sys.stderr.write(f"{PROGRAM}: error: {error}\n")
            return 2
        sys.stdout.buffer.write(orjson.dumps(told) + b"\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await sandbox.stop()
    return 0


def _run(serving: object) -> int:
    """Run the server on uvloop where there is one; it answers half as many requests again on one core."""
    try:
        import uvloop  # noqa: PLC0415  there is none on every system
    except ImportError:
        return asyncio.run(serving)  # type: ignore[arg-type]
    return uvloop.run(serving)  # type: ignore[arg-type]


def _die_with(parent: int) -> None:
    """Have the kernel end this process when the one that started it ends (Linux)."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before it could be asked for
        os._exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Play a vendor on this machine, with its limits and its traps.",
        epilog=_faults_told(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = Options()
    parser.add_argument("vendor", choices=VENDORS)

    def number(flag: str, kind: Callable[[str], object], text: str) -> None:
        name = flag.removeprefix("--").replace("-", "_")
        preset = getattr(default, name)
        shown = "" if preset is None else f" (default {preset})"
        parser.add_argument(flag, type=kind, default=preset, metavar="N", help=text + shown)

    def switch(flag: str, text: str) -> None:
        parser.add_argument(flag, action="store_true", help=text)

    number("--port", int, "on 127.0.0.1; 0 takes any free one")
    number("--size", int, "how much exists: customers, or what the vendor has in their place")
    number("--seed", int, "of data, faults and neighbour")
    number("--latency", float, "milliseconds that an answer takes")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        type=_fault,
        metavar="KIND=P",
        help="a fault and its probability per request, repeatable; the kinds are listed below",
    )
    number("--rate-scale", float, "factor on all limits")
    parser.add_argument(
        "--rate-change",
        action="append",
        default=[],
        type=_pair,
        metavar="AT=FACTOR",
        help="AT seconds after the first request the limits are multiplied by FACTOR, repeatable",
    )
    number("--neighbour", float, "share of each budget that another client uses")
    parser.add_argument(
        "--window", choices=("fixed", "bucket"), default=default.window, help="how requests are counted"
    )
    switch("--no-rate-headers", "say nothing about limits in headers")
    switch("--retry-after", "a 429 carries Retry-After")
    switch("--die-with-parent", "end when the process that started it ends (Linux)")
    switch("--plain", "no traps")
    switch("--live", "data change while requests come in")
    parser.add_argument(
        "--until",
        type=_instant,
        default=None,
        metavar="ISO",
        help='"now" for the data (default: the start of today, UTC)',
    )
    parser.add_argument(
        "--knob",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        help="a switch that only this vendor has, repeatable; its file knobs.py lists them",
    )
    switch("--moved-location", "the answer for a merged customer carries a Location, to another host")
    return parser


def _pair(text: str) -> tuple[float, float]:
    at, sign, factor = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError("AT=FACTOR is expected, such as 30=0.5")
    return float(at), float(factor)


def _fault(text: str) -> tuple[str, Amount]:
    kind, sign, given = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError("KIND=P is expected, such as 500=0.02")
    return kind, amount(given)


def _faults_told() -> str:
    kinds = "\n".join(f"  {kind:16}{what}" for kind, what in FAULTS.items())
    return (
        f"kinds of faults; P is a probability where nothing else is said:\n{kinds}\n\n"
        "AT is in seconds after the first request.\n\n"
        f"example: {PROGRAM} gladly --size 500 --fault 500=0.02 --fault outage=10:60"
    )


def _setting(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError("NAME=VALUE is expected")
    return name, value


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
