"""What the README says can be typed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from extractor import vendors
from extractor.cli.app import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOT_OURS = {"--quiet", "--editable", "--require-hashes", "--no-deps"}
"""Options of pip."""


def marked(name: str) -> str:
    """The code between the marks."""
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```\n<!-- end -->", README, re.DOTALL)
    assert found, f"README.md has nothing between the marks {name!r}"
    return found[1]


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "-m pytest -q" in marked("test")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "<!-- test -->" in script
    assert "README.md" in script
    assert marked("test").strip() not in script, "the command stands in one place"


def test_the_try_command_is_one_line_that_ends_with_a_backfill() -> None:
    (line,) = marked("try").splitlines()
    assert line.endswith("python -m extractor backfill gladly --sandbox")


def test_every_command_of_the_readme_exists() -> None:
    named = set(re.findall(r"^\| `(\w+)[ \w]*` \|", README, re.MULTILINE))
    named |= set(re.findall(r"-m extractor (\w+)", README))
    assert named == set(app.commands)


@pytest.mark.parametrize("option", sorted(set(re.findall(r"--[a-z][a-z-]+", README)) - NOT_OURS))
def test_every_option_of_the_readme_exists(option: str) -> None:
    if option == "--help":
        assert CliRunner().invoke(app, ["backfill", option]).exit_code == 0
    else:
        commands = app.commands.values()
        assert option in {name for command in commands for parameter in command.params for name in parameter.opts}


def test_the_exit_codes_are_those_of_the_program() -> None:
    from extractor.account import ExitCode

    (line,) = re.findall(r"^Exit codes:.*?\n\n", README, re.MULTILINE | re.DOTALL)
    assert {int(code) for code in re.findall(r"\b(\d{1,3})\b", line)} == {code.value for code in ExitCode}


def test_the_configuration_of_the_readme_is_understood() -> None:
    from extractor.rest_api import translate

    written: dict[str, object] = {}
    exec(compile(marked("bring"), "shop.py", "exec"), written)  # noqa: S102 - what a user would write
    vendor = translate(written["config"], name="shop", rate_limit=written["rate_limit"]).vendor
    customers, orders = vendor.endpoints
    assert (customers.name, customers.parents) == ("customers", ())
    assert [getattr(one, "endpoint", "") for one in orders.parents] == ["customers"]
    assert "…" in vendor.secrets


def test_the_settings_of_the_readme_are_the_vendors() -> None:
    from extractor.vendors.gladly import VENDOR

    (block,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    named = set(re.findall(r"^#? ?(\w+) =", block, re.MULTILINE))
    assert named == {setting.name for setting in VENDOR.settings} | {"base_url"}
    assert f"[sources.{VENDOR.name}_source]" in block


def test_the_table_of_resources_is_that_of_the_vendor_files() -> None:
    told = {}
    for line in re.findall(r"^\| (\w+ \|[^\n]*)\|$", README, re.MULTILINE):
        vendor, *cells = (cell.strip() for cell in line.split("|"))
        if vendor.lower() in vendors.names():
            told[vendor.lower()] = [set(cell.split(", ")) for cell in cells[:2]]
    assert told.keys() == set(vendors.names())
    for name, (by_default, named) in told.items():
        endpoints = [one for one in vendors.load(name).endpoints if not one.ids_only]
        loaded = {one.destination_table for one in endpoints if one.default and not one.held}
        assert by_default == loaded, name
        assert named == {one.destination_table for one in endpoints} - loaded, name


def test_the_query_runs_on_what_the_try_command_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    command = [sys.executable, "-m", "extractor", "backfill", "gladly", "--sandbox", "--sandbox-size", "4"]
    done = subprocess.run(
        [*command, "--only", "conversation_items", "--since", "2026-01-01", "--progress", "off"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        [sys.executable, "-c", marked("query")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    assert "content__type" in shown.stdout
    assert "items" in shown.stdout
