"""What is shown of an outage while it lasts."""

from __future__ import annotations

import pytest
from sandboxed import sandboxed
from test_run_conduct import Ground, ground

from extractor.account import Snapshot
from extractor.run.connection import Connection
from extractor.run.progress import Watch

__all__ = ["ground"]


@pytest.mark.parametrize(
    ("away", "shown"),
    [
        (None, "fetching"),
        (59.0, "fetching; the vendor is away"),
        (185.0, "fetching; the vendor is away for 3 min"),
    ],
)
async def test_the_phase_says_for_how_long_the_vendor_is_away(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, away: float | None, shown: str
) -> None:
    monkeypatch.setattr(Connection, "away", property(lambda _: away))
    snapshots: list[Snapshot] = []
    watch = Watch(snapshots.append)
    watch.say("fetching")
    async with sandboxed(size=4) as ground.client:
        conductor = await ground.conductor("agents")
        watch.follow(conductor._job, conductor, ground.ledger)
        await watch.show()
        await conductor.connection.transport.close()
    assert snapshots[0].phase == shown
