"""Who may import whom: DESIGN section 3, with the modules that there are.

A new module belongs on a floor; until it stands in the table, these tests fail.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import extractor

ROOT = Path(extractor.__file__).parent

# From the ground up. A floor may have steps; a module imports from lower floors and lower steps only.
FLOORS: tuple[tuple[frozenset[str], ...], ...] = (
    (
        frozenset({"errors", "memory", "model", "rawjson"}),
        frozenset({"account", "address", "paginate", "paths", "redact", "reshape"}),
    ),
    (
        frozenset({"documents", "failures", "ids", "limits", "paging", "rest_api", "windows"}),
        frozenset({"bodies", "children", "roots", "slices", "vendors"}),
        frozenset({"answers", "calls", "mask"}),
    ),
    (
        frozenset({"gate", "lock", "settings", "spool", "transport"}),
        frozenset({"ledger", "quotas", "selection"}),
    ),
    (
        frozenset({"engine", "jobs", "load", "pages"}),
        frozenset({"exchanges", "walk"}),
        frozenset({"client"}),
    ),
    (
        frozenset({"completeness"}),
        frozenset({"run"}),
        frozenset({"sources"}),
    ),
    (frozenset({"cli"}),),
    (frozenset({"__main__"}),),
)
PACKAGE_ITSELF = "__init__"
ASIDE = frozenset({"console", "sandbox"})

AIOHTTP = frozenset({"aiohttp", "yarl", "multidict"})
MAY_KNOW_AIOHTTP = frozenset({"transport.connections"})
MAY_KNOW_DLT = frozenset({"load", "rest_api", "settings", "sources"})


def part(module: str) -> str:
    """The module or package right below `extractor` that a dotted name lies in."""
    return module.partition(".")[0]


def modules() -> dict[str, Path]:
    """Dotted names below `extractor`, packages without `__init__`."""
    found = {}
    for path in ROOT.rglob("*.py"):
        names = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(names[:-1] if len(names) > 1 and names[-1] == "__init__" else names)] = path
    return found


MODULES = modules()


def nodes(node: ast.AST, *, annotations: bool) -> Iterator[ast.AST]:
    """All below the node, with or without what is imported for annotations only."""
    if not annotations and isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from nodes(child, annotations=annotations)


def imports(path: Path, *, annotations: bool = True) -> Iterator[str]:
    """Every dotted name that the file imports, wherever the import stands."""
    for node in nodes(ast.parse(path.read_text(encoding="utf-8")), annotations=annotations):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} has a relative import, which hides the floor it comes from"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> set[str]:
    """What lies right below `extractor` and is imported."""
    found = set()
    for name in imports(path):
        if name == "extractor":
            found.add(PACKAGE_ITSELF)
        elif name.startswith("extractor."):
            found.add(part(name.removeprefix("extractor.")))
    return found


def libraries(path: Path) -> set[str]:
    """Top-level names of all other packages that are imported when the program runs."""
    return {part(name) for name in imports(path, annotations=False)} - {"extractor"} - sys.stdlib_module_names


def heights() -> dict[str, tuple[int, int]]:
    return {
        name: (floor, step) for floor, steps in enumerate(FLOORS) for step, names in enumerate(steps) for name in names
    }


def test_every_module_has_a_place() -> None:
    known = heights().keys() | ASIDE | {PACKAGE_ITSELF}
    assert {part(module) for module in MODULES} - known == set(), "say in FLOORS where it belongs"


def test_no_module_has_two_places() -> None:
    placed = [name for steps in FLOORS for names in steps for name in names] + list(ASIDE)
    assert sorted(placed) == sorted(set(placed))


@pytest.mark.parametrize("module", sorted(module for module in MODULES if part(module) in heights()))
def test_a_module_imports_from_below(module: str) -> None:
    height = heights()
    above = own_imports(MODULES[module]) - {part(module)}
    allowed = {name for name, place in height.items() if place < height[part(module)]}
    if part(module) == "cli":
        allowed.add("console")
    assert above <= allowed, f"extractor.{module} imports from its own floor or above: {sorted(above - allowed)}"


@pytest.mark.parametrize(
    "module", sorted(module for module in MODULES if part(module) == "vendors" and module != "vendors")
)
def test_a_vendor_file_is_data_and_knows_the_ground_only(module: str) -> None:
    """Its columns may stand in a private module beside it."""
    assert own_imports(MODULES[module]) <= {"errors", "model", "paginate", "reshape", "vendors"}


@pytest.mark.parametrize("module", sorted(module for module in MODULES if part(module) == "console"))
def test_the_console_knows_what_it_shows_only(module: str) -> None:
    ground = {name for steps in FLOORS[:1] for names in steps for name in names}
    assert own_imports(MODULES[module]) <= ground | {"console"}


@pytest.mark.parametrize("module", sorted(module for module in MODULES if part(module) == "sandbox"))
def test_the_sandbox_stands_apart(module: str) -> None:
    """A vendor that is played by the code that it tests would have the same errors."""
    assert own_imports(MODULES[module]) <= {"sandbox"}


def test_only_one_module_knows_aiohttp() -> None:
    outside = {module for module, path in MODULES.items() if libraries(path) & AIOHTTP and part(module) != "sandbox"}
    assert outside == MAY_KNOW_AIOHTTP


def test_dlt_stops_at_its_border() -> None:
    assert {part(module) for module, path in MODULES.items() if "dlt" in libraries(path)} <= MAY_KNOW_DLT


def test_nothing_is_called_after_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "base", "misc", "tools"}
    assert not drawers & {name for module in MODULES for name in module.split(".")}


def test_the_table_names_what_there_is() -> None:
    assert heights().keys() - {part(module) for module in MODULES} == set(), "it is gone: take it out of FLOORS"
