"""Every case of the public benchmark at a size that shows nothing but that it works, with nobody but us."""

from __future__ import annotations

import json
import signal
import sys
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.__main__ import main
from benchmarks.speed import leavings, nginx
from benchmarks.speed.cases import CASES, Case
from benchmarks.speed.contenders import CONTENDERS, FLOOR, OURS, Contender, chosen
from benchmarks.speed.desk.limits import LIMITS
from benchmarks.speed.desk.records import Desk
from benchmarks.speed.figures import over, reckoned
from benchmarks.speed.observed import Sample, observe
from benchmarks.speed.played import Counted, Size, open_desk
from benchmarks.speed.results import result
from benchmarks.speed.trials import Measured, Trial

LITTLE = 0.0005
SHORT = {2: ("100-record",), 4: ("sliding window, half", "snapengage"), 5: ("20,000",)}
"""Trials of the cases that have many of one kind."""


def measured(contender: str = OURS.name, **changes: Any) -> Measured:
    figures: dict[str, Any] = {"part": 1.0, "wanted": 100, "records": 100, "code": 0, "whole": True, "seconds": 2.0}
    figures |= {"cpu_seconds": 1.0, "fetch_bytes": 1, "load_bytes": 1, "first_request": 0.5, "share": None}
    return Measured(contender=contender, **(figures | {"counted": Counted(), "samples": ()} | changes))


@pytest.mark.parametrize("number", CASES)
def test_a_case_runs_and_tells_what_it_found(number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["speed", "--case", str(number), "--scale", str(LITTLE), "--repeat", "1", "--peers", "none"]
    words += ["--at-once", "2", "--results", str(tmp_path / "results"), "--folder", str(tmp_path)]
    if number in SHORT:
        words += ["--trial", *SHORT[number]]
    assert main(words) == 0
    found = json.loads((tmp_path / "results" / f"case-{number}.json").read_text())
    assert all(each["whole"] for each in found["summary"])
    assert {each["contender"] for each in found["summary"]} <= {OURS.name, FLOOR.name}
    assert found["command"].startswith(f"python -m benchmarks speed --case {number}")
    assert found["machine"]["cores"]
    assert found["versions"]["dlt"]
    assert found["ceiling"] > 0
    assert all((tmp_path / "results" / name).stat().st_size > 5_000 for name in found["files"])
    report = (tmp_path / "results" / "README.md").read_text()
    for each in found["figures"]:
        assert each["words"] in report
        # At this size a target says nothing.
        assert each["met"] is None
    assert CASES[number].title in capsys.readouterr().out


@pytest.mark.parametrize(("number", "most"), [(2, 1), (4, 3)])
def test_only_what_waits_for_a_limit_runs_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, most: int
) -> None:
    running: list[str] = []
    seen: list[int] = []
    together = threading.Barrier(most)

    def run(self: Trial, contender: Contender, _: Path) -> Measured:
        running.append(self.name)
        together.wait(10)
        seen.append(len(running))
        together.wait(10)
        running.remove(self.name)
        return measured(contender.name)

    monkeypatch.setattr(Trial, "run", run)
    monkeypatch.setattr("benchmarks.speed.command.draw", lambda *_: [])
    words = ["speed", "--case", str(number), "--repeat", "1", "--peers", "none", "--at-once", "3"]
    words += ["--trial", "small pages", "100-record", "half of", "--results", str(tmp_path / "results")]
    main([*words, "--folder", str(tmp_path)])
    assert set(seen) == {most}


def test_without_nginx_its_trial_is_left_out_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nginx, "installed", lambda: None)
    words = ["speed", "--case", "4", "--trial", "nginx", "--peers", "none", "--results", str(tmp_path / "results")]
    assert main([*words, "--folder", str(tmp_path)]) == 0
    assert "nginx limit_req: skipped, nginx is not installed" in capsys.readouterr().out
    assert not (tmp_path / "results").exists()


def test_nginx_lets_a_burst_in_and_refuses_the_rest(tmp_path: Path) -> None:
    if nginx.installed() is None:
        # It comes from the system's packages, which pip can't install; that its absence is said is tested above.
        pytest.skip("nginx is not installed")
    with open_desk(Size(customers=1)) as desk, nginx.judging(desk, tmp_path / "nginx", 5) as judge:
        statuses = []
        for already in range(20):
            statuses.append(_status(f"{judge.base_url}/customers/c0/conversations"))
            counted = judge.counted()
            assert counted.requests == already + 1
    assert statuses[:5] == [200] * 5
    assert counted.too_many == statuses.count(429) > 0


# ── the desk ────────────────────────────────────────────────────────────────────────────────


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as answer:  # noqa: S310 - loopback
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_walk_meets_every_record_once() -> None:
    desk = Desk(customers=203, conversations=2, items=3, lines=0)
    seen: list[str] = []
    following: str | None = "0"
    customers = []
    while following is not None:
        page, following = _rows(desk, "/customers", f"limit=100&after={following}")
        customers += page
    for customer in customers:
        conversations, _ = _rows(desk, f"/customers/{customer}/conversations")
        seen += [customer, *conversations]
        for conversation in conversations:
            items, _ = _rows(desk, f"/conversations/{conversation}/items")
            seen += items
    size = Size(customers=203, items=3)
    assert len(seen) == len(set(seen)) == size.records
    assert size.requests == 3 + 203 + 406


@pytest.mark.parametrize("path", ["/", "/customers/c5/conversations", "/customers/x/conversations", "/items"])
def test_what_does_not_exist_is_no_answer(path: str) -> None:
    assert Desk(customers=5, conversations=1, items=1, lines=0).answer(path.encode(), b"") is None


def _rows(desk: Desk, path: str, query: str = "") -> tuple[list[str], str | None]:
    answer = desk.answer(path.encode(), query.encode())
    assert answer is not None
    body, count = answer
    content = json.loads(body)
    assert len(content["data"]) == count
    return [row["id"] for row in content["data"]], content.get("next")


def test_the_export_has_as_many_lines_as_asked_for() -> None:
    lines = list(Desk(customers=0, conversations=1, items=8, lines=1_500).export())
    assert len({json.loads(line)["id"] for line in lines}) == 1_500


def test_each_record_is_a_second_after_the_one_before() -> None:
    desk = Desk(customers=2_000_000, conversations=1, items=1, lines=0)
    for first in (0, 86_390, 1_999_900):
        found = desk.answer(b"/customers", b"after=%d" % first)
        assert found is not None
        told = [datetime.fromisoformat(row["created_at"]) for row in json.loads(found[0])["data"]]
        assert told == [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=first + each) for each in range(100)]


@pytest.mark.parametrize("kind", LIMITS)
def test_a_limit_lets_in_what_it_allows(kind: str) -> None:
    """Asked 100 times a second for ten seconds, it lets in its 20, and a bucket's worth more at most."""
    limit = LIMITS[kind](20)
    admitted = [moment for step in range(1_000) if limit.admits(moment := 1_000 + step / 100)]
    assert 200 <= len(admitted) <= (220 if kind == "bucket" else 200)
    assert b"20" in limit.stated(1_010.0)


def test_it_counts_what_is_repeated_and_what_is_refused() -> None:
    with open_desk(Size(customers=3, limit="sliding", rate=2)) as desk:
        statuses = [_status(f"{desk.base_url}/customers/c1/conversations") for _ in range(3)]
        counted = desk.counted()
    assert statuses == [200, 200, 429]
    assert (counted.requests, counted.records, counted.repeated, counted.too_many) == (3, 4, 1, 1)


def test_the_share_leaves_out_the_first_window_and_the_last() -> None:
    counted = Counted(admitted=((10, 20), (11, 1), (12, 20), (13, 10), (14, 20)), first=10.5, last=14.2)
    assert counted.share_of(20) == 0.75
    assert Counted(admitted=((10, 20),), first=10.5, last=10.6).share_of(20) is None


# ── contenders and figures ──────────────────────────────────────────────────────────────────


def test_peers_are_chosen_by_name_or_environment() -> None:
    always = {OURS.name, FLOOR.name}
    assert chosen("none") == always
    assert chosen("all") == CONTENDERS.keys()
    assert chosen("scrapy-rate,airbyte") == always | {"scrapy-rate", "airbyte"}
    assert {"dlt-tuned", "dlt-export"} < chosen("dlt")
    with pytest.raises(ValueError, match="nobody; there are airbyte"):
        chosen("nobody")


def test_a_peer_that_there_is_not_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="--peers: no peer is called nobody; there are airbyte,"):
        main(["speed", "--peers", "nobody", "--folder", str(tmp_path)])
    assert "Traceback" not in capsys.readouterr().err


def test_a_figure_is_the_median_of_the_ratios_of_each_repeat() -> None:
    repeats = [
        {("t", OURS.name): measured(seconds=ours), ("t", "dlt-tuned"): measured("dlt-tuned", seconds=theirs)}
        for ours, theirs in ((1.0, 8.0), (2.0, 10.0), (4.0, 28.0))
    ]
    ((figure, value),) = reckoned([over("t", "dlt-tuned", 6), over("t", "airbyte", 6)], repeats)
    assert value == 7
    assert figure.holds(value)
    assert not figure.holds(5.9)


def test_a_target_is_judged_at_full_scale_only() -> None:
    trial = Trial(name="50 ms", contenders=(OURS, FLOOR))
    repeat = {("50 ms", OURS.name): measured(), ("50 ms", FLOOR.name): measured(FLOOR.name, seconds=1.5)}
    about = {"date": "", "command": "", "machine": {}, "versions": {}, "ceiling": 1}
    for scale, met in ((1.0, True), (0.1, None)):
        (figure,) = result(1, [trial], [repeat], scale=scale, about=about)["figures"]
        assert (figure["value"], figure["least"], figure["met"]) == (0.75, 0.6, met)


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.title)
def test_every_figure_is_of_a_trial_that_there_is(case: Case) -> None:
    """A figure that no full round has would never be told."""
    repeat = {
        (trial.name, each.name): measured(
            each.name,
            counted=Counted(requests=10, last=1.0),
            share=1.0,
            killed_at=5,
            unsafe=5,
            commits=(0.0, 1.0, 2.0, 3.0),
            samples=tuple(
                Sample(seconds=second, requests=1, records=1, fetch_bytes=1, load_bytes=1) for second in range(20)
            ),
        )
        for trial in case.trials(1.0)
        for each in trial.contenders
    }
    assert [figure.words for figure, _ in reckoned(case.figures, [repeat])] == [each.words for each in case.figures]


def test_parts_are_of_contenders_that_take_part() -> None:
    for case in CASES.values():
        for trial in case.trials(1.0):
            names = {each.name for each in trial.contenders}
            assert OURS.name in names
            assert names - trial.parts.keys()


# ── observing ───────────────────────────────────────────────────────────────────────────────


def test_a_process_is_observed_to_its_end(tmp_path: Path) -> None:
    # Memory is looked at four times a second.
    code = "import json, time; x = bytearray(50_000_000); time.sleep(0.6); print(json.dumps({'records': 3})); exit(4)"
    seen = observe([sys.executable, "-c", code], folder=tmp_path, played=None)
    assert seen.code == 4
    assert seen.told == {"records": 3}
    assert seen.cpu_seconds > 0
    assert seen.fetch_bytes > 50_000_000


def test_a_process_may_keep_what_it_compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    code = "import json, sys; print(json.dumps({'never': sys.dont_write_bytecode}))"
    assert observe([sys.executable, "-c", code], folder=tmp_path, played=None).told == {"never": False}


def test_a_process_is_killed_after_so_many_requests(tmp_path: Path) -> None:
    code = "import sys, urllib.request as u\nwhile True: u.urlopen(sys.argv[1] + '/customers/c0/conversations').read()"
    with open_desk(Size(customers=1, latency=5)) as desk:
        seen = observe([sys.executable, "-c", code, desk.base_url], folder=tmp_path, played=desk, kill_at=5)
        assert desk.counted().requests >= 5
    assert seen.code == -signal.SIGKILL


def test_records_are_counted_where_they_were_loaded(tmp_path: Path) -> None:
    assert leavings.records(tmp_path, {"records": 7}) == 7
    (tmp_path / "records.jsonl").write_text('{"id": "a"}\n{"id": "b"}\n{"id": "a"}\n')
    assert leavings.records(tmp_path, {"records": 7}) == 2
    with duckdb.connect(str(tmp_path / "peer.duckdb")) as database:
        database.execute("CREATE SCHEMA peer_data; CREATE TABLE peer_data.items AS SELECT range FROM range(5)")
        database.execute("CREATE TABLE peer_data.items__parts AS SELECT range FROM range(9)")
    assert leavings.records(tmp_path, {}) == 5
