"""`requirements.lock` is whole, agrees with what the package asks for, and names no place to install from."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "requirements.lock").read_text(encoding="ascii")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ENTRY = re.compile(
    r"(?P<name>[a-z0-9.-]+)==(?P<version>\S+)(?: ; (?P<marker>[^\\\n]+?))? \\\n(?P<hashes>(?: +--hash=.*\n)+)"
)
PINNED = {canonicalize_name(entry["name"]): Version(entry["version"]) for entry in ENTRY.finditer(LOCK)}
DIRECT = [Requirement(line) for line in PYPROJECT["project"]["dependencies"]]


def test_it_holds_versions_with_hashes_and_nothing_else() -> None:
    assert ENTRY.sub("", LOCK) == ""
    hashes = re.findall(r"^ +--hash=(.*?)(?: \\)?$", LOCK, re.MULTILINE)
    assert len(hashes) >= len(PINNED)
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in hashes)


@pytest.mark.parametrize("wanted", DIRECT, ids=str)
def test_what_the_package_asks_for_is_in_it(wanted: Requirement) -> None:
    assert PINNED[canonicalize_name(wanted.name)] in wanted.specifier


@pytest.mark.parametrize("name", sorted(PINNED))
def test_what_they_ask_for_is_in_it_too(name: str) -> None:
    """As far as they are installed here, maybe in other versions."""
    try:
        asked = [Requirement(line) for line in requires(name) or ()]
    except PackageNotFoundError:
        # The tests run with the newest releases, and one of those may have stopped asking for it.
        pytest.skip(f"{name} is not installed")
    needed = {canonicalize_name(one.name) for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})}
    assert needed <= PINNED.keys()
