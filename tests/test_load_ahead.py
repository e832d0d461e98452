"""What is made of a chunk ahead of its load is what its load would make of it, or is not used."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
from loading import ITEMS, Warehouse, listing, page, settle_in

from extractor.errors import StorageError
from extractor.ledger import Ledger, sealed_behind
from extractor.load.ahead import Next
from extractor.load.chunk import Chunk, ChunkLoader
from extractor.load.protocol import Loaded
from extractor.load.tables import Contents, Page
from extractor.model import Found, Incident

_NOTES = [
    page({"id": "a", "name": "1"}, {"id": "b", "name": "2"}),
    page({"id": "c", "name": "3"}, {"id": None}, {"id": "d", "name": "4"}, {"id": "a", "name": "5"}),
    page({"id": "e", "name": "6"}, {"name": "nobody"}, {"id": "c", "name": "7"}),
]


@dataclass
class Queue:
    """Chunks, one behind the other, as a run seals them.

    Attributes:
        read: numbers of the chunks whose pages were read, and whether ahead of their load.
        linger: seconds that reading ahead takes longer.
        beside: numbers of the chunks that were read while another one was read ahead.
    """

    warehouse: Warehouse
    chunks: Sequence[Sequence[Page]] = ()
    read: list[tuple[int, bool]] = field(default_factory=list)
    incidents: dict[int, list[Incident]] = field(default_factory=dict)
    ahead: bool = True
    linger: float = 0.0
    beside: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.loader = ChunkLoader(
            self.warehouse.loader,
            self.warehouse.destination,
            announce=lambda _, found: self.incidents.update({self.number: list(found)}),
            retrying=self.warehouse.waits.append,
            following=self.following,
        )

    def following(self, number: int) -> Next | None:
        if not self.ahead or number == len(self.chunks):
            return None
        return Next(number=number + 1, pages=self.pages(number + 1))

    def pages(self, number: int) -> Callable[[], Iterable[Page]]:
        def read() -> Iterable[Page]:
            ahead = threading.current_thread().name == "ahead"
            self.read.append((number, ahead))
            if ahead:
                threading.Event().wait(self.linger)
            elif "ahead" in {each.name for each in threading.enumerate()}:
                self.beside.append(number)
            return self.chunks[number - 1]

        return read

    def load(self, number: int) -> Loaded:
        self.number = number
        chunk = Chunk(
            number=number, pages=self.pages(number), listings=lambda: [listing(str(number))], incidents=lambda: ()
        )
        loaded = self.loader.load(chunk)
        self.warehouse.destination.connections.closed()
        return loaded

    def load_all(self) -> list[Loaded]:
        return [self.load(number) for number in range(1, len(self.chunks) + 1)]


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Queue]:
    settle_in(tmp_path, monkeypatch)
    monkeypatch.setattr("time.sleep", lambda _: None)

    def make(*chunks: Sequence[Page], ahead: bool = True, linger: float = 0.0) -> Queue:
        folder = tmp_path / ("ahead" if ahead else "not ahead")
        folder.mkdir()
        warehouse = Warehouse(folder, [ITEMS])
        monkeypatch.chdir(folder)
        return Queue(warehouse, chunks, ahead=ahead, linger=linger)

    return make


def rows(queue: Queue, columns: str = "id, name") -> list[tuple[Any, ...]]:
    return queue.warehouse.rows(f"SELECT {columns} FROM items ORDER BY ALL")


def test_chunks_read_ahead_load_the_same_and_are_read_once(queue: Callable[..., Queue]) -> None:
    found = []
    for ahead in (True, False):
        one = queue(*[[each] for each in _NOTES], ahead=ahead)
        loaded = one.load_all()
        assert one.read == [(number, ahead and number > 1) for number in (1, 2, 3)]
        found.append((rows(one), [each.rows for each in loaded], one.incidents))
        assert one.warehouse.rows("SELECT count(*), count(DISTINCT load_id) FROM _dlt_loads") == [(3, 3)]
        assert one.warehouse.rows("SELECT count(DISTINCT _dlt_id), count(DISTINCT _dlt_load_id) FROM items") == [(5, 3)]
    assert found[0] == found[1]
    assert [len(kept_out) for kept_out in found[0][2].values()] == [0, 1, 1]
    assert found[0][0] == [("a", "5"), ("b", "2"), ("c", "7"), ("d", "4"), ("e", "6")]


def test_what_was_made_ahead_is_what_is_loaded(queue: Callable[..., Queue], monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the test before this one would hold without it."""
    one = queue(*[[each] for each in _NOTES])
    used = []
    attempt = one.warehouse.loader.attempt

    def noted(contents: Callable[[], Contents], *rest: Any) -> Any:
        found = contents()
        used.append((len(found.pages), [each.table.name for each in found.ready]))
        return attempt(lambda: found, *rest)

    monkeypatch.setattr(one.warehouse.loader, "attempt", noted)
    one.load_all()
    assert used == [(1, []), (1, []), (0, ["items"])], (
        "the first chunk makes the table, and shows its columns to the second"
    )


def test_new_columns_lists_and_types_go_the_usual_way(queue: Callable[..., Queue]) -> None:
    chunks = [
        [page({"id": "a", "name": "1"})],
        [page({"id": "b", "name": "2"})],
        [page({"id": "c", "size": 1})],
        [page({"id": "d", "size": 2, "lines": [{"sku": "x"}]})],
        [page({"id": "e", "size": "three"})],
        [page({"id": "f", "size": 4})],
    ]
    found = []
    for ahead in (True, False):
        one = queue(*chunks, ahead=ahead)
        one.load_all()
        found.append((rows(one, "id, name, size, size__v_text"), one.warehouse.rows("SELECT sku FROM items__lines")))
        assert one.warehouse.types("items")["size"] == "BIGINT"
    assert found[0] == found[1]
    assert len(found[0][0]) == 6


def test_a_load_that_fails_has_its_pages_read_anew(
    queue: Callable[..., Queue], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was begun of the next chunk is not used either: what it stands on may be gone."""
    one = queue(*[[each] for each in _NOTES])
    one.load(1)
    one.load(2)
    verify, failures = one.warehouse.destination.verify, iter([OSError("away")])

    def fail_once(*args: Any) -> Any:
        for error in failures:
            raise error
        return verify(*args)

    monkeypatch.setattr(one.warehouse.destination, "verify", fail_once)
    monkeypatch.setattr(one.warehouse.destination, "committed", lambda _: False)
    one.load(3)
    assert one.warehouse.waits == ["away"]
    assert [row[0] for row in rows(one)] == ["a", "b", "c", "d", "e"]


def test_nobody_reads_while_the_next_chunk_is_read_ahead(
    queue: Callable[..., Queue], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both would use the gates. Not even when an attempt fails at once, nor when the chunk goes in parts in the end."""
    one = queue(*[[each] for each in _NOTES], linger=0.2)
    one.load(1)
    attempt, failures = one.warehouse.loader.attempt, iter(range(3))

    def fail(contents: Any, listings: Any, incidents: Any, announce: Any, **options: Any) -> Any:
        for number in failures:
            contents()
            announce(str(number), [])
            raise OSError("away")
        if contents is not Contents or listings:  # else it is the probe, which would take longer than reading ahead
            return attempt(contents, listings, incidents, announce, **options)
        return None

    monkeypatch.setattr(one.warehouse.loader, "attempt", fail)
    monkeypatch.setattr(one.warehouse.destination, "committed", lambda _: False)
    assert one.load(2).packages > 1
    assert one.warehouse.waits == ["away"] * 3
    assert not one.beside
    assert [row[0] for row in rows(one)] == ["a", "b", "c", "d"]


def test_a_table_that_somebody_dropped_meanwhile_is_made_again(queue: Callable[..., Queue]) -> None:
    one = queue(*[[each] for each in _NOTES])
    one.load(1)
    one.load(2)
    with duckdb.connect(one.warehouse.file) as connection:
        connection.execute("DROP SCHEMA shop_data CASCADE")
    one.warehouse.destination.forget()
    one.load(3)
    assert one.warehouse.waits == ["items has other columns than when its records were read ahead"]
    assert rows(one) == [("c", "7"), ("e", "6")]


def test_pages_that_cant_be_read_are_an_error_of_their_own_load(queue: Callable[..., Queue]) -> None:
    one = queue(*[[each] for each in _NOTES])
    good = one.pages

    def damaged(number: int) -> Callable[[], Iterable[Page]]:
        def read() -> Iterable[Page]:
            yield _NOTES[1]
            raise StorageError("damaged")

        return read if number == 2 else good(number)

    one.pages = damaged  # type: ignore[method-assign]
    assert one.load(1).rows["items"] == 2
    with pytest.raises(StorageError, match="damaged"):
        one.load(2)
    assert one.warehouse.waits == [], "nothing is gained by another attempt"
    assert one.warehouse.rows("SELECT count(*) FROM _dlt_loads") == [(1,)]


async def test_the_chunk_behind_is_told_once_it_is_sealed(tmp_path: Path) -> None:
    ledger = await Ledger.open(tmp_path / "p")
    for key in "ab":
        await ledger.add([Found(endpoint="items", key=key)])
        assert sealed_behind(tmp_path / "p", 1) is None
        await ledger.seal()
    assert sealed_behind(tmp_path / "p", 1) == (2, 0)
    assert sealed_behind(tmp_path / "p", 2) is None
    await ledger.close()
