"""A snapshot and an outcome to be shown."""

from __future__ import annotations

from extractor.account import EndpointCount, ExitCode, Outcome, Snapshot, TableAccount

SNAPSHOT = Snapshot(
    phase="fetching",
    seconds=75.4,
    requests=6021,
    rate=9.8,
    allowed=10.0,
    in_flight=17,
    throttled=3,
    fetched=38000,
    loaded=30000,
    backlog=12_345_678,
    endpoints=(
        EndpointCount(endpoint="agents", table="agents", committed=1, records=12),
        EndpointCount(endpoint="events", table="events"),
        EndpointCount(
            endpoint="conversations", table="conversations", waiting=4000, committed=998, gone=2, failed=1, records=1200
        ),
    ),
    incidents={"gone": 2, "failed": 1},
)

OUTCOME = Outcome(
    code=ExitCode.PARTIAL,
    message="partial: 1 listing failed",
    vendor="acme",
    pipeline="acme_pipeline",
    dataset="acme_data",
    where="duckdb, acme_pipeline.duckdb",
    seconds=3725.0,
    requests=60201,
    throttled=3,
    pauses=2,
    share=0.984,
    tables=(
        TableAccount(
            table="agents",
            rows=12,
            listings=1,
            committed=1,
            gone=0,
            failed=0,
            waiting=0,
            truncated=0,
            records=12,
        ),
        TableAccount(
            table="conversations",
            rows=1234567,
            listings=5001,
            committed=4998,
            gone=2,
            failed=1,
            waiting=0,
            truncated=4,
            records=1234890,
        ),
    ),
    incidents={"gone": 2, "truncated": 4, "failed": 1},
    next="python -m extractor backfill acme",
)
