from __future__ import annotations

from pathlib import Path

import pytest

from extractor import vendors
from extractor.errors import UsageError


def test_every_module_is_a_vendor_of_its_own_name() -> None:
    assert "gladly" in vendors.names()
    for name in vendors.names():
        assert vendors.load(name).name == name


def test_an_unknown_vendor_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"no vendor 'Gladli'\. Did you mean gladly\? Vendors: .*gladly"):
        vendors.load("Gladli")


@pytest.mark.parametrize("name", ["", "os", ".gladly", "gladly.x", "__init__", "../gladly"])
def test_a_name_from_outside_imports_nothing_else(name: str) -> None:
    with pytest.raises(UsageError, match="There is no vendor"):
        vendors.load(name)


def test_private_modules_are_no_vendors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "_shared.py").write_text("")
    (tmp_path / "zebra.py").write_text("VENDOR = 1\n")
    monkeypatch.setattr(vendors, "__path__", [str(tmp_path)])
    assert vendors.names() == ("zebra",)
    with pytest.raises(TypeError, match=r"zebra\.VENDOR is a int"):
        vendors.load("zebra")
