"""What holds for every test: no property depends on how busy the machine is, or on which tests ran before."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator, Mapping

import pytest
from dlt.common.data_types import type_helpers
from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Tests that were started in the background: all that they start would ignore Ctrl-C, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Files that take longest, by far. First, so that no worker is left alone with one of them at the end.
_LONGEST = (
    "test_sweep",
    "test_storage_faults",
    "test_retry",
    "test_crashes",
    "test_end_to_end",
    "test_faults",
    "test_process_faults",
    "test_oracle_tables",
    "test_load_given_crashes",
    "test_oracle_requests",
    "test_load_process",
    "test_limits_second",
    "test_canary",
    "test_fuzz",
    "test_benchmarks_speed",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    ranks = {name: rank for rank, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that runs have: pipes and sockets that break are told of in other ways by each."""
    if sys.platform == "linux":
        import uvloop

        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


CONVERSIONS = dict(type_helpers._COERCE_DISPATCH)


@pytest.fixture(autouse=True, scope="module")
def dlts_own_conversions() -> Iterator[None]:
    """Who loads in a test's own process changes them for all that comes after, dlt's part of a comparison too."""
    yield
    type_helpers._COERCE_DISPATCH.clear()
    type_helpers._COERCE_DISPATCH.update(CONVERSIONS)
