"""What the package exports, and that every module has what it says it has."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import extractor

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(extractor.__path__, "extractor.")
    if not module.name.endswith("__main__")
)


def test_the_package_exports_what_it_promises() -> None:
    assert extractor.__all__ == ["backfill", "retry", "source"]
    for name in extractor.__all__:
        assert callable(getattr(extractor, name))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = extractor.nonsense
    assert Path(extractor.__file__).with_name("py.typed").exists()


@pytest.mark.parametrize("name", extractor.__all__)
def test_the_functions_one_may_call_name_their_arguments(name: str) -> None:
    vendor, *options = inspect.signature(getattr(extractor, name)).parameters.values()
    assert vendor.name == "vendor"
    assert all(option.kind is option.KEYWORD_ONLY and option.default is not option.empty for option in options)


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_exists(name: str) -> None:
    module = importlib.import_module(name)
    public = getattr(module, "__all__", [])
    assert len(public) == len(set(public))
    for each in public:
        assert hasattr(module, each), f"{name} has no {each}"


def brought_by(statement: str) -> str:
    """What is heavy among the modules that it imports."""
    code = f"import sys; {statement}; print(*sorted({{'dlt', 'aiohttp', 'duckdb', 'pyarrow'}} & set(sys.modules)))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_package_brings_nothing_heavy() -> None:
    """The command's --help does it, too."""
    assert brought_by("import extractor") == ""


def test_a_run_imports_what_it_fetches_with_while_its_load_process_starts() -> None:
    """Each takes half a second; one after the other the first request would go out later."""
    assert brought_by("import extractor.run") == ""
