"""Where a result was measured, and with what."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.speed import nginx
from benchmarks.speed.contenders import Contender
from benchmarks.speed.environments import REQUIREMENTS, versions

__all__ = ["machine", "used"]

_OURS = ("extractor", "dlt", "duckdb", "aiohttp", "orjson", "uvloop", "pyarrow")


def machine() -> dict[str, str]:
    """Its processor, memory and system, and how busy it was before."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": platform.platform(),
        "load before": f"{os.getloadavg()[0]:.2f}",
    }


def used(contenders: Iterable[Contender], *, judged: bool) -> dict[str, str]:
    """Versions of what took part: packages of ours, of each peer's environment what was asked for, nginx."""
    found = {"python": platform.python_version()} | {name: version(name) for name in _OURS}
    for name in sorted({each.environment for each in contenders} - {""}):
        packages = versions(name)
        wanted = [requirement.partition("=")[0].partition("[")[0] for requirement in REQUIREMENTS[name]]
        found |= {f"{package} ({name})": packages[package] for package in wanted}
    if judged and (program := nginx.installed()):
        told = subprocess.run([program, "-v"], check=True, capture_output=True, text=True).stderr
        found["nginx"] = told.strip().partition("/")[2]
    return found
