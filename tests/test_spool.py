from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import StorageError
from extractor.spool import Frame, Position, Spool, frame_length, frame_meta, read

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
frames = st.builds(
    Frame,
    endpoint=text,
    key=text,
    fields=st.dictionaries(text, text, max_size=3),
    fetched_at=st.integers(0, 1 << 40),
    records=st.integers(0, 1 << 30),
    payload=st.binary(max_size=200),
)


def parts(frame: Frame) -> tuple[bytes, bytes]:
    meta = frame_meta(
        endpoint=frame.endpoint,
        key=frame.key,
        fields=frame.fields,
        fetched_at=frame.fetched_at,
        records=frame.records,
    )
    return meta, frame.payload


def page(number: int, payload: bytes = b'[{"id": 1}]') -> Frame:
    return Frame(endpoint="items", key=f"k{number}", fields={"a": "b"}, fetched_at=7, records=1, payload=payload)


def small_segment(folder: Path) -> tuple[Spool, list[Frame], list[Position]]:
    """Chunk 1 with three frames, on disk."""
    spool = Spool(folder)
    pages = [page(1), page(2, b""), page(3, b"[" + b" " * 30 + b"]")]
    positions = spool.append(1, [parts(frame) for frame in pages])
    spool.sync()
    spool.end(1)
    return spool, pages, positions


@given(batches=st.lists(st.lists(frames, max_size=5), max_size=4))
def test_what_is_appended_is_read_back_in_order(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Frame]]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder)
    positions = [place for batch in batches for place in spool.append(3, [parts(frame) for frame in batch])]
    spool.sync()
    spool.close()

    assert list(read(folder, 3, size=spool.length(3))) == [frame for batch in batches for frame in batch]
    assert spool.size == sum(frame_length(*parts(frame)) for batch in batches for frame in batch)
    assert spool.damaged(3, positions) == []


def test_torn_at_any_byte_only_whole_frames_count(tmp_path: Path) -> None:
    spool, pages, positions = small_segment(tmp_path / "spool")
    whole = (tmp_path / "spool" / "00000001.pages").read_bytes()
    for cut in range(len(whole)):
        (tmp_path / "spool" / "00000001.pages").write_bytes(whole[:cut])
        damaged = spool.damaged(1, positions)
        assert damaged == [n for n, (offset, length) in enumerate(positions) if offset + length > cut]
        with pytest.raises(StorageError, match="bytes"):
            list(read(tmp_path / "spool", 1, size=len(whole)))
        sound = [frame for n, frame in enumerate(pages) if n not in damaged]
        end = sum(length for n, (_, length) in enumerate(positions) if n not in damaged)
        again = Spool(tmp_path / "spool")
        again.truncate(1, end)
        again.close()
        assert list(read(tmp_path / "spool", 1, size=end)) == sound


def test_any_flipped_bit_is_found(tmp_path: Path) -> None:
    """By the check at the start, which names the frame, and by whoever reads the segment."""
    spool, _, positions = small_segment(tmp_path / "spool")
    path = tmp_path / "spool" / "00000001.pages"
    whole = path.read_bytes()
    for bit in range(len(whole) * 8):
        altered = bytearray(whole)
        altered[bit // 8] ^= 1 << bit % 8
        path.write_bytes(altered)
        hit = next(n for n, (offset, length) in enumerate(positions) if offset <= bit // 8 < offset + length)
        assert spool.damaged(1, positions) == [hit]
        with pytest.raises(StorageError, match="damaged at byte"):
            list(read(tmp_path / "spool", 1, size=len(whole)))


def test_void_frames_are_skipped_and_count_as_damaged(tmp_path: Path) -> None:
    spool, pages, positions = small_segment(tmp_path / "spool")
    size = spool.length(1)
    spool.void(1, positions[1:2])
    spool.close()

    assert list(read(tmp_path / "spool", 1, size=size)) == [pages[0], pages[2]]
    assert spool.damaged(1, positions) == [1]


def test_segment_that_is_not_as_long_as_the_ledger_says_is_refused(tmp_path: Path) -> None:
    spool, _, _ = small_segment(tmp_path / "spool")
    for size in (spool.length(1) - 1, spool.length(1) + 1):
        with pytest.raises(StorageError, match="the ledger says"):
            list(read(tmp_path / "spool", 1, size=size))
    with pytest.raises(StorageError, match="missing"):
        list(read(tmp_path / "spool", 2, size=10))
    assert list(read(tmp_path / "spool", 2, size=0)) == []


def test_missing_segment_has_only_damaged_frames(tmp_path: Path) -> None:
    assert Spool(tmp_path / "spool").damaged(9, [(0, 20), (20, 20)]) == [0, 1]


def test_appending_goes_on_behind_a_cut_tail(tmp_path: Path) -> None:
    spool, pages, positions = small_segment(tmp_path / "spool")
    spool.truncate(1, positions[1][0])
    spool.append(1, [parts(page(4))])
    spool.sync()
    spool.close()

    assert list(read(tmp_path / "spool", 1, size=spool.length(1))) == [pages[0], page(4)]


def test_removed_and_unknown_segments_are_gone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for chunk in (1, 2, 3):
        spool.append(chunk, [parts(page(chunk))])
    spool.sync()
    spool.remove(1)
    assert spool.sweep({3}) == 1
    assert [path.name for path in (tmp_path / "spool").iterdir()] == ["00000003.pages"]
    assert spool.size == spool.length(3) > 0
    spool.clear()
    assert spool.size == 0


def test_kept_segments_move_out_of_the_way(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", keep=tmp_path / "raw")
    spool.append(12, [parts(page(1))])
    spool.sync()
    size = spool.length(12)
    spool.remove(12)
    spool.remove(13)

    assert list(read(tmp_path / "raw", 12, size=size)) == [page(1)]
    assert (spool.size, spool.kept()) == (0, 12)


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    small_segment(tmp_path / "spool")
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "spool").iterdir()] == [0o600]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, offset: write(file, data[:5], offset))
    spool, pages, _ = small_segment(tmp_path / "spool")
    assert list(read(tmp_path / "spool", 1, size=spool.length(1))) == pages


def test_full_disk_is_a_storage_error_and_nothing_more_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "spool")

    def full(_file: int, _data: bytes, _offset: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(StorageError, match=r"No space left on device.*Make room"):
            spool.append(1, [parts(page(1))])
    for call in (lambda: spool.append(2, [parts(page(1))]), spool.sync):
        with pytest.raises(StorageError, match="No space"):
            call()


@pytest.mark.parametrize("call", ["fdatasync", "fsync"])
def test_failed_sync_is_never_believed_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """After a failed fsync the kernel may report success for data that it dropped."""
    spool = Spool(tmp_path / "spool")
    spool.append(1, [parts(page(1))])

    def broken(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, broken)
        with pytest.raises(StorageError, match="Input/output error"):
            spool.sync()
    with pytest.raises(StorageError):
        spool.sync()
    with pytest.raises(StorageError):
        spool.append(1, [parts(page(2))])


def test_new_segments_have_their_folder_synced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut must not lose the name of a file whose bytes are safe."""
    synced: list[bool] = []
    sync = os.fsync

    def fsync(file: int) -> None:
        synced.append(os.path.samestat(os.fstat(file), os.stat(tmp_path / "spool")))  # noqa: PTH116
        sync(file)

    monkeypatch.setattr(os, "fsync", fsync)
    spool = Spool(tmp_path / "spool")
    for _ in range(2):
        spool.append(1, [parts(page(1))])
        spool.sync()
    assert synced == [True]


def test_unusable_folder_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(StorageError, match="spool"):
        Spool(tmp_path / "spool")
