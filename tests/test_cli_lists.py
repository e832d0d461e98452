from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from acme import VENDOR

from extractor import vendors
from extractor.cli import main
from extractor.cli.lists import column
from extractor.model import Configured, Endpoint

ACME = Path(__file__).parent / "acme.py"


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes acme the only vendor there is."""
    (tmp_path / "acme.py").write_text(ACME.read_text())
    monkeypatch.setattr(vendors, "__path__", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "extractor.vendors.acme", raising=False)


@pytest.mark.usefixtures("acme")
def test_vendors_are_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vendors"]) == 0
    assert capsys.readouterr().out == "acme  Acme: orders that nobody placed  needs organization, username, password\n"


@pytest.mark.usefixtures("acme")
def test_resources_say_when_they_are_loaded_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resources", "acme"]) == 0
    assert capsys.readouterr().out == (
        "RESOURCE            TABLE      KEY             LOADED      NEEDS  ALIASES            PARENTS\n"
        "agents              agents     id              yes         -      -                  -\n"
        "report              report     order_id        yes         -      -                  -\n"
        "agents_get          agents     id              named       -      -                  -\n"
        "customers_by_email  customers  id              with --ids  -      -                  -\n"
        "customers           customers  id              yes         -      customer, clients  "
        "report, export, customers_by_email\n"
        "orders              orders     id              yes         -      -                  customers\n"
        "order               orders     id              if needed   -      -                  report\n"
        "lines               lines      _extractor_key  yes         -      -                  orders, order\n"
        "lines_exported      lines      _extractor_key  if needed   -      -                  -\n"
        "remarks             remarks    id              named       -      -                  lines\n"
        "old_orders          archive    id              named       -      -                  -\n"
        "\n"
        "agents_get  the list has it\n"
        "order       only where the list lacks it\n"
    )


def test_what_a_resource_needs_stands_beside_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = replace(
        VENDOR,
        settings=(),
        endpoints=(
            Endpoint(name="shops", path="/shops/{key}", parents=(Configured(setting="ids"),), needs=("ids", "a")),
            Endpoint(name="prices", path="/shops/{key}", beside="shops", needs=("ids", "a")),
            Endpoint(name="archive", path="/archive", needs=("b",)),
            Endpoint(name="open", path="/shops", writes=True, given=("city", "street"), note="opens one"),
        ),
    )
    monkeypatch.setattr(vendors, "load", lambda _: told)
    monkeypatch.setattr(vendors, "names", lambda: ("acme",))
    assert main(["resources", "acme"]) == 0
    assert capsys.readouterr().out == (
        "RESOURCE  TABLE    KEY  LOADED  NEEDS                         ALIASES  PARENTS\n"
        "shops     shops    id   yes     ids, a                        -        ids\n"
        "prices    prices   id   yes     ids, a                        -        shops\n"
        "archive   archive  id   yes     b                             -        -\n"
        "open      open     id   named   --param city, --allow-writes  -        -\n"
        "\n"
        "open  opens one\n"
    )
    assert main(["vendors"]) == 0
    assert capsys.readouterr().out.endswith("needs ids and a, or b\n")


def test_an_unknown_vendor(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resources", "gladyl"]) == 2
    assert "Did you mean gladly?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("id", "id"),
        ("Conversation ID", "conversation_id"),
        ("conversationId", "conversation_id"),
        ("item_id", "item_id"),
    ],
)
def test_keys_are_shown_as_dlt_spells_them(field: str, name: str) -> None:
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    assert column(field) == name == NamingConvention().normalize_identifier(field)


@pytest.mark.parametrize("name", vendors.names())
def test_every_vendors_keys_are_shown_as_dlt_spells_them(name: str) -> None:
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    for endpoint in vendors.load(name).endpoints:
        for field in endpoint.key:
            assert column(field) == NamingConvention().normalize_identifier(field)
