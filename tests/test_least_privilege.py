"""Nothing is executed that lies on a disk, nobody but the vendor is spoken to, and nobody can speak to a run."""

from __future__ import annotations

import ast
import json
import os
import pickle
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from runs import QUICK

import extractor
from benchmarks.rig import PIPELINE, Backfill, Sandbox, sandbox
from extractor.account import ExitCode

SOURCES = sorted(Path(extractor.__file__).parent.rglob("*.py"))
UNSAFE = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "yaml", "code", "codeop", "runpy"}
EXECUTING = {"eval", "exec", "compile", "__import__"}

WATCHING = """
import json, os, sys, threading

def note(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo") and arguments[1:2] != ("",):
        tell(event, str(arguments[:2] if event == "socket.getaddrinfo" else arguments[1]))

def tell(what, text):
    with open(os.environ["WATCHED"], "a") as file:
        file.write(json.dumps([what, text]) + chr(10))

def telemetry():
    if tracker := sys.modules.get("dlt.common.runtime.anon_tracker"):
        tell("telemetry", str(tracker._ANON_TRACKER_ENDPOINT))

threading._register_atexit(telemetry)  # before dlt's own end, which forgets it
tell("begun", " ".join(sys.orig_argv))
sys.addaudithook(note)
"""
"""Python runs this at the start of each process. The event loop's own connections, to the vendor, it does not see."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(SOURCES[0].parent)))
def test_nothing_is_read_in_a_way_that_can_execute_it(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not UNSAFE & {alias.name.partition(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").partition(".")[0] not in UNSAFE
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in EXECUTING


class Poison:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


class Watched(Sandbox):
    """A sandbox whose runs say whom they speak to."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        own = {"DLT_DATA_DIR": "dlt", "HOME": "home", "PYTHONPATH": "site", "WATCHED": "watched"}
        found = super().environment | {name: str(self.folder / path) for name, path in own.items()}
        return found | {"RUNTIME__DLTHUB_TELEMETRY": "true"}


def test_a_run_speaks_to_the_vendor_only_and_opens_no_pickle(tmp_path: Path) -> None:
    """In both of its processes. dlt keeps a trace as a pickle beside a pipeline's files: here a bad one lies there."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WATCHING)
    mark = tmp_path / "executed"
    pickle.loads(pickle.dumps(Poison(tmp_path / "proof")))  # noqa: S301 - it is ours
    assert (tmp_path / "proof").is_dir()
    for home in (
        tmp_path / "dlt" / "pipelines" / PIPELINE,
        tmp_path / "work" / ".extractor" / PIPELINE / "load" / "dlt",
    ):
        home.mkdir(parents=True, mode=0o700)
        (home / "trace.pickle").write_bytes(pickle.dumps(Poison(mark)))
    (tmp_path / "work" / ".extractor").chmod(0o700)
    with sandbox("gladly", *QUICK, "--size", "4") as played:
        against = Watched(vendor="gladly", base_url=played.base_url, settings=played.settings, process=played.process)
        object.__setattr__(against, "folder", tmp_path)
        run = Backfill(folder=tmp_path / "work", against=against, arguments=("--only", "agents,teams")).start()
        assert run.process.wait(60) == ExitCode.COMPLETE, run.said
        vendor = urlsplit(played.base_url).hostname
    # urllib3, which dlt imports, tries whether there is IPv6: nobody listens on what it binds.
    tried = ["socket.bind", str(("::1", 0))]
    said = [json.loads(line) for line in (tmp_path / "watched").read_text().splitlines() if json.loads(line) != tried]
    begun = " ".join(what for event, what in said if event == "begun")
    assert "-m extractor backfill" in begun
    assert "-m extractor.load" in begun
    assert {what for event, what in said if event.startswith("socket.") and str(vendor) not in what} == set()
    # Where dlt would send it. Somebody's own setting does not begin it either.
    assert {what for event, what in said if event == "telemetry"} == {"None"}
    assert not mark.exists()
