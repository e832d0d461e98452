"""dlt's settings for the load process, in code: the repository's `.dlt/` folder is not in users' folders."""

from __future__ import annotations

from collections.abc import MutableMapping

__all__ = ["pin", "trace_nothing", "unlimited"]

# Why each one is here stands in DESIGN.md. They come first in dlt's order, before any configuration file.
_PINNED = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__INTERCEPT_SIGNALS": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "ENABLE_RUNTIME_TRACE": "false",
    # Without the state in the destination no other machine can resume, nor `dlt pipeline sync`.
    "RESTORE_FROM_DESTINATION": "true",
    "EXTRACT__NEXT_ITEM_MODE": "fifo",
    "EXTRACT__WORKERS": "1",
    # 37,000 rows a second with, 280,000 without compression.
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__WORKERS": "1",
    # Each holds a table's merge in memory; there are two cores.
    "LOAD__WORKERS": "2",
    "LOAD__RAISE_ON_FAILED_JOBS": "true",
    "LOAD__AUTO_ABORT_ON_TERMINAL_ERROR": "false",
    "LOAD__DELETE_COMPLETED_JOBS": "true",
    # Arrow's own pool keeps what it once needed.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    # No customer's data stays in the staging dataset.
    "LOAD__TRUNCATE_STAGING_DATASET": "true",
}

# DuckDB would keep what it read of the tables it merges into, up to 80 % of the machine's memory: 530 MB of process
# at 300,000 rows without, 440 MB with. It goes over to files in the database's folder when it needs more, but not for
# the columns that it writes: a table with 800 of text needs more, for a single row too. Its tasks are small, and a
# thread that waits for the next one cost a seventh of a load; what runs at once are dlt's two workers.
_DUCKDB = "DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG"
_LITTLE = '{"memory_limit": "150MB", "threads": 1}'


def pin(environment: MutableMapping[str, str]) -> None:
    """Set them; before dlt is imported."""
    environment.update(_PINNED)
    environment.setdefault(_DUCKDB, _LITTLE)


def unlimited(environment: MutableMapping[str, str]) -> bool:
    """Let DuckDB take the memory it wants; False if it may already, or somebody else said how much."""
    if environment.get(_DUCKDB) != _LITTLE:
        return False
    del environment[_DUCKDB]
    return True


def trace_nothing() -> None:
    """Let dlt not note which settings it looked up; after it is imported.

    With each of them it would keep what it was handed, pipelines and their rows too, as long as the process lives:
    10 MB for 50,000 records.
    """
    from dlt.common.configuration.utils import TraceLogContext  # noqa: PLC0415 - only the load process has dlt

    TraceLogContext.logging_enabled = False
