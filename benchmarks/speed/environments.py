"""The peers' environments: released packages of fixed versions, each in a virtual environment of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

__all__ = ["REQUIREMENTS", "python", "versions"]

FOLDER = Path(__file__).parent.parent / ".environments"

REQUIREMENTS: Mapping[str, tuple[str, ...]] = {
    # DuckDB as we have it, so that the destination makes no difference.
    "dlt": ("dlt[duckdb,parquet]==1.31.0", f"duckdb=={version('duckdb')}", "aiohttp", "orjson"),
    "airbyte": ("airbyte-cdk==7.39.1",),
    "scrapy": ("scrapy==2.19.0",),
}
"""What is installed, by name of the environment."""


def python(name: str) -> Path:
    """The interpreter of this environment, which is made if it is not there as it should be."""
    folder = FOLDER / name
    interpreter = folder / "bin" / "python"
    # Written last: an environment without it is half made.
    holds = folder / "holds.json"
    wanted = list(REQUIREMENTS[name])
    if not holds.is_file() or json.loads(holds.read_text()) != wanted:
        print(f"making the environment of {name}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(interpreter), "-m", "pip", "install", "--quiet", *wanted], check=True)
        holds.write_text(json.dumps(wanted))
    return interpreter


def versions(name: str) -> dict[str, str]:
    """Every package of this environment with its version."""
    command = [str(python(name)), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]
    listed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {each["name"].lower(): each["version"] for each in listed}
