"""The spool: raw pages on disk between fetching and loading, one append-only segment per chunk.

A segment is a row of frames, and a frame is a header (lengths of payload and meta, CRC-32 over both
lengths, meta and payload), the meta (JSON: endpoint, key, fields, when, how many records) and the
payload as the vendor sent it. The checksum covers the lengths too, because a wrong length of the meta
alone would only move the border between meta and payload.

A frame that turned out to be damaged is made void where it lies, so that the frames behind it keep
their places. Which frames count is the ledger's to say; the spool only promises that what `sync`
returned for is on disk, and that no damaged frame is ever read as a sound one.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import orjson

from extractor.errors import StorageError

__all__ = ["Frame", "Position", "Spool", "frame_length", "frame_meta", "read", "storage_error", "sync_folder"]

_header = struct.Struct("<III")
_lengths = struct.Struct("<II")
_void = 0xFFFFFFFF
"""Length of the meta in a frame that was made void."""
_write_bytes = 1 << 20
"""Frames are joined up to this size, so that small ones share a system call and large ones little memory."""

Position = tuple[int, int]
"""Offset and length of a whole frame in its segment, in bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One page as it was fetched.

    Attributes:
        fields: of the listing.
        fetched_at: unix seconds.
        records: how many the client counted in the payload.
    """

    endpoint: str
    key: str
    fields: Mapping[str, str]
    fetched_at: int
    records: int
    payload: bytes


def frame_meta(*, endpoint: str, key: str, fields: Mapping[str, str], fetched_at: int, records: int) -> bytes:
    """What stands before a payload, encoded. Raises `TypeError` for text that is no Unicode."""
    return orjson.dumps([endpoint, key, fields, fetched_at, records])


def frame_length(meta: bytes, payload: bytes) -> int:
    """Bytes that the frame takes in its segment."""
    return _header.size + len(meta) + len(payload)


def storage_error(what: Path, error: OSError) -> StorageError:
    """The error that the package raises for a failed system call on `what`."""
    advice = " Make room, then" if error.errno in (errno.ENOSPC, errno.EDQUOT) else " When that is repaired,"
    return StorageError(
        f"{what} can't be written: {error.strerror or error}.{advice} run the same command again: "
        "it goes on where this run stopped."
    )


def sync_folder(folder: Path) -> None:
    """Make new names in `folder` survive a power cut."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


class _Segment:
    """An open segment that is written to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.new = not path.exists()
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.end = os.fstat(self.file).st_size
        self.unsynced = False


class Spool:
    """Writes segments in `folder`; for one thread.

    After the first failed write or sync nothing more is written: what a failed fsync left behind can
    only be learnt by reading it again, at the next start.

    Args:
        folder: made if it is missing, 0700; its files are 0600.
        keep: folder to move loaded segments to instead of deleting them.
    """

    def __init__(self, folder: Path, *, keep: Path | None = None) -> None:
        self.folder = folder
        self._keep = keep
        self._segments: dict[int, _Segment] = {}
        self._failure: StorageError | None = None
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            if keep is not None:
                keep.mkdir(mode=0o700, exist_ok=True)
            self._sizes = {chunk: path.stat().st_size for chunk, path in _segments_in(folder)}
        except OSError as error:
            raise storage_error(folder, error) from error

    @property
    def size(self) -> int:
        """Bytes in all segments that wait here."""
        return sum(self._sizes.values())

    def length(self, chunk: int) -> int:
        """Bytes in the segment of `chunk`, 0 if there is none."""
        return self._sizes.get(chunk, 0)

    def append(self, chunk: int, frames: Sequence[tuple[bytes, bytes]]) -> list[Position]:
        """Write frames (meta, payload) at the end of the chunk's segment; they are not on disk before `sync`.

        Raises:
            StorageError: nothing of this call counts.
        """
        if not frames:
            return []
        segment = self._writable(chunk)
        positions: list[Position] = []
        parts: list[bytes] = []
        waiting, end = 0, segment.end
        for meta, payload in frames:
            lengths = _lengths.pack(len(payload), len(meta))
            parts += (lengths, crc32(payload, crc32(meta, crc32(lengths))).to_bytes(4, "little"), meta, payload)
            length = frame_length(meta, payload)
            positions.append((end, length))
            end += length
            waiting += length
            if waiting >= _write_bytes:
                self._write(segment, b"".join(parts))
                parts, waiting = [], 0
        self._write(segment, b"".join(parts))
        self._sizes[chunk] = segment.end
        return positions

    def sync(self) -> None:
        """Bring everything that was appended to the disk, and the names of new segments too.

        Raises:
            StorageError: what was appended since the last `sync` counts for nothing.
        """
        if self._failure is not None:
            raise self._failure
        dirty = [segment for segment in self._segments.values() if segment.unsynced]
        for segment in dirty:
            try:
                os.fdatasync(segment.file)
                if segment.new:
                    sync_folder(self.folder)
            except OSError as error:
                raise self._fail(segment.path, error) from error
            segment.unsynced = segment.new = False

    def end(self, chunk: int) -> None:
        """Nothing more will be appended to `chunk`; what was, must have been synced."""
        segment = self._segments.pop(chunk, None)
        if segment is not None:
            os.close(segment.file)

    def truncate(self, chunk: int, offset: int) -> None:
        """Cut off what lies behind `offset`, on disk when it returns."""
        if self.length(chunk) <= offset:
            return
        segment = self._writable(chunk)
        try:
            os.ftruncate(segment.file, offset)
            os.fdatasync(segment.file)
        except OSError as error:
            raise self._fail(segment.path, error) from error
        segment.end = self._sizes[chunk] = offset

    def damaged(self, chunk: int, positions: Sequence[Position]) -> list[int]:
        """Which of the frames (by index) are missing, torn, void or altered."""
        try:
            file = os.open(_path(self.folder, chunk), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return list(range(len(positions)))
        try:
            return [
                n for n, (offset, length) in enumerate(positions) if not _sound(os.pread(file, length, offset), length)
            ]
        except OSError as error:
            raise self._fail(_path(self.folder, chunk), error) from error
        finally:
            os.close(file)

    def void(self, chunk: int, positions: Sequence[Position]) -> None:
        """Make frames that lie wholly inside the segment be skipped by `read`, on disk when it returns."""
        segment = self._writable(chunk)
        try:
            for offset, length in positions:
                lengths = _lengths.pack(length - _header.size, _void)
                os.pwrite(segment.file, lengths + crc32(lengths).to_bytes(4, "little"), offset)
            os.fdatasync(segment.file)
        except OSError as error:
            raise self._fail(segment.path, error) from error

    def remove(self, chunk: int) -> None:
        """Delete the segment of a loaded chunk, or move it to the `keep` folder."""
        self.end(chunk)
        path = _path(self.folder, chunk)
        try:
            if self._keep is None:
                path.unlink(missing_ok=True)
            elif path.exists():
                path.rename(self._keep / path.name)
        except OSError as error:
            raise self._fail(path, error) from error
        self._sizes.pop(chunk, None)

    def sweep(self, known: Collection[int]) -> int:
        """Delete the segments of all other chunks; returns how many there were."""
        strays = [chunk for chunk in self._sizes if chunk not in known]
        for chunk in strays:
            self.end(chunk)
            path = _path(self.folder, chunk)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise self._fail(path, error) from error
            del self._sizes[chunk]
        return len(strays)

    def clear(self) -> None:
        """Delete all segments."""
        self.sweep(())

    def kept(self) -> int:
        """The highest chunk number in the `keep` folder, 0 if there is none; new chunks must be higher."""
        return max((chunk for chunk, _ in _segments_in(self._keep)), default=0) if self._keep else 0

    def close(self) -> None:
        """Close the files; what was not synced counts for nothing."""
        for chunk in list(self._segments):
            self.end(chunk)

    def _writable(self, chunk: int) -> _Segment:
        if self._failure is not None:
            raise self._failure
        segment = self._segments.get(chunk)
        if segment is None:
            path = _path(self.folder, chunk)
            try:
                segment = self._segments[chunk] = _Segment(path)
            except OSError as error:
                raise self._fail(path, error) from error
            self._sizes[chunk] = segment.end
        return segment

    def _write(self, segment: _Segment, data: bytes) -> None:
        segment.unsynced = True
        rest = memoryview(data)
        try:
            while rest:
                written = os.pwrite(segment.file, rest, segment.end)
                segment.end += written
                rest = rest[written:]
        except OSError as error:
            raise self._fail(segment.path, error) from error

    def _fail(self, path: Path, error: OSError) -> StorageError:
        self._failure = storage_error(path, error)
        return self._failure


def read(folder: Path, chunk: int, *, size: int) -> Iterator[Frame]:
    """The frames of a sealed chunk in the order they were fetched; one frame in memory at a time.

    For any process. Void frames are left out.

    Args:
        folder: the spool's.
        chunk: number of the chunk.
        size: bytes of its segment according to the ledger; with 0 there need not be a file.

    Raises:
        StorageError: a frame is damaged, or the segment is missing, shorter or longer than `size`.
    """
    if size == 0:
        return
    path = _path(folder, chunk)
    try:
        with path.open("rb", buffering=_write_bytes) as file:
            found = os.fstat(file.fileno()).st_size
            if found != size:
                raise StorageError(f"{path} has {found} bytes; the ledger says {size}.")
            offset = 0
            while offset < size:
                header = file.read(_header.size)
                body, meta, _ = _header.unpack(header) if len(header) == _header.size else (0, 0, 0)
                length = _header.size + body + (0 if meta == _void else meta)
                # A damaged length must not make us ask for gigabytes.
                frame = header + file.read(length - _header.size) if offset + length <= size else header
                if meta == _void and header[_lengths.size :] == crc32(header[: _lengths.size]).to_bytes(4, "little"):
                    pass
                elif _sound(frame, length):
                    yield _frame(frame, body, meta)
                else:
                    raise StorageError(f"{path} is damaged at byte {offset}: the checksum of a page is wrong.")
                offset += length
    except FileNotFoundError as error:
        raise StorageError(f"{path} is missing; the ledger says that it has {size} bytes.") from error


def _sound(frame: bytes, length: int) -> bool:
    """Whether these bytes are one whole, unaltered frame of this length."""
    if len(frame) != length or length < _header.size:
        return False
    body, meta, checksum = _header.unpack_from(frame)
    if _header.size + body + meta != length:
        return False
    view = memoryview(frame)
    return bool(crc32(view[_header.size :], crc32(view[: _lengths.size])) == checksum)


def _frame(frame: bytes, body: int, meta: int) -> Frame:
    split = _header.size + meta
    endpoint, key, fields, fetched_at, records = orjson.loads(frame[_header.size : split])
    return Frame(
        endpoint=endpoint,
        key=key,
        fields=fields,
        fetched_at=fetched_at,
        records=records,
        payload=frame[split : split + body],
    )


def _path(folder: Path, chunk: int) -> Path:
    return folder / f"{chunk:08d}.pages"


def _segments_in(folder: Path) -> list[tuple[int, Path]]:
    return [(int(path.stem), path) for path in sorted(folder.glob("*.pages")) if path.stem.isdecimal()]
