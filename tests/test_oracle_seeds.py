"""The examples that dlt's own pages give of five vendors, put right, against those vendors' sandboxes."""

from __future__ import annotations

import base64
import json
import urllib.request
from pathlib import Path

import pytest
from oracle import Oracle

from benchmarks.rig import Sandbox, sandbox
from extractor.account import ExitCode

FLAGS = ("--rate-scale", "1000", "--latency", "0", "--size", "30", "--until", "2026-03-01T00:00:00Z")


def email(played: Sandbox) -> str:
    """An address of one of Gladly's customers."""
    pair = f"{played.settings['username']}:{played.settings['password']}"
    headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    for key in played.ask("truth?table=customer_profiles")["tables"]["customer_profiles"]:
        request = urllib.request.Request(f"{played.base_url}/customer-profiles/{key}", headers=headers)  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - the sandbox
            emails = json.load(answer)["emails"]
        if emails:
            return str(emails[0]["normalized"])
    raise AssertionError("no customer has an address")


@pytest.mark.parametrize(
    ("vendor", "name", "tables"),
    [
        ("gladly", "config", {"agents", "customer_profiles", "conversations_for_customer", "conversation_items"}),
        ("gorgias", "config", {"tickets", "users", "macros"}),
        ("clari", "copilot", {"calls", "call_details", "users"}),
        ("clari", "revenue", {"export_jobs", "audit_events", "limits"}),
        ("assembled", "config", {"people", "teams", "agent_states"}),
        ("snapengage", "config", {"widget_0", "logs_0"}),
    ],
)
def test_the_example_is_as_dlt_loads_it(
    vendor: str, name: str, tables: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sandbox(vendor, *FLAGS) as played:
        for variable, value in played.environment.items():
            monkeypatch.setenv(variable, value)
        if vendor == "gladly":
            monkeypatch.setenv("CUSTOMER_EMAIL", email(played))
        loaded = Oracle(tmp_path, monkeypatch, f"seeds/{vendor}", name)
    assert loaded.outcome.code == ExitCode.COMPLETE
    assert loaded.differences == []
    assert {table for table, found in loaded.extractor.tables.items() if found.rows} >= tables
