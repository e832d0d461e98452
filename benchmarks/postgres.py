"""A real PostgreSQL server for the sweep, with a database for each run, started from the system's own programs.

What a run has loaded is copied into a DuckDB file, so that both destinations are judged by the same code.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

__all__ = ["Postgres", "serve"]

_PROGRAMS = "/usr/lib/postgresql"
_USER = "postgres"
_SETTINGS = ("listen_addresses=127.0.0.1", "max_connections=200", "fsync=off", "full_page_writes=off")
"""Clients are killed, never the server: it need not outlive a power failure."""
_START = 60.0
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_TABLES = (
    "SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
)


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A server that listens on loopback.

    Attributes:
        port: where.
        password: of its only user.
    """

    port: int
    password: str = field(repr=False)

    def url(self, database: str) -> str:
        """How to connect to one of its databases."""
        return f"postgresql://{_USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> None:
        """Make an empty database."""
        self._command(f'CREATE DATABASE "{database}"')

    def drop(self, database: str) -> None:
        """Delete one, whoever is connected to it."""
        self._command(f'DROP DATABASE "{database}" WITH (FORCE)')

    def copy(self, database: str, file: Path) -> None:
        """Copy every table of every schema, temporary ones too, to a DuckDB file that must not be there yet."""
        with closing(self.connect(database)) as source, duckdb.connect(str(file)) as target, source.cursor() as cursor:
            cursor.execute(_TABLES)
            for schema, table in cursor.fetchall():
                cursor.execute(f'SELECT * FROM "{schema}"."{table}"')  # noqa: S608 - names come from the catalog
                names = [column[0] for column in cursor.description]
                rows = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in cursor.fetchall()])
                target.register("rows", rows if rows.num_rows else pa.table({name: pa.nulls(0) for name in names}))
                target.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
                target.execute(f'CREATE TABLE "{schema}"."{table}" AS FROM rows')

    def connect(self, database: str) -> Any:  # noqa: ANN401 - psycopg2 has no types
        """A connection in which each statement is a transaction, and JSON is text."""
        import psycopg2.extras  # noqa: PLC0415 - whoever sweeps DuckDB needs none

        connection = psycopg2.connect(self.url(database))
        connection.autocommit = True
        psycopg2.extras.register_default_jsonb(connection, loads=str)
        return connection

    def _command(self, sql: str) -> None:
        with closing(self.connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute(sql)


@contextmanager
def serve() -> Iterator[Postgres]:
    """Make a cluster in a folder for temporary files and serve it; both are gone afterwards.

    The server refuses to run as root and is `nobody` then. It ends with this process, however that ends.

    Raises:
        FileNotFoundError: PostgreSQL is not installed.
    """
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="extractor-postgres-"))
    server = Postgres(port=_free_port(), password=secrets.token_hex(16))
    try:
        data, password, log = folder / "data", folder / "password", folder / "log"
        password.write_text(server.password)
        for path in (folder, password):
            os.chown(path, account.get("user", -1), account.get("group", -1))
        cluster = ["--pgdata", str(data), "--username", _USER, "--pwfile", str(password), "--encoding", "UTF8"]
        subprocess.run(
            [_program("initdb"), *cluster, "--auth", "password", "--no-sync", "--no-locale"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            **account,
        )
        settings = [word for setting in (*_SETTINGS, f"unix_socket_directories={folder}") for word in ("-c", setting)]
        with log.open("wb") as said:
            process = subprocess.Popen(
                [_program("postgres"), "-D", str(data), "-p", str(server.port), *settings],
                cwd=folder,
                stdout=said,
                stderr=said,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread of this process holds a lock yet
                **account,
            )
        try:
            _await(server, process, log)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # a fast shutdown
            process.wait()
    finally:
        shutil.rmtree(folder)


def _account() -> dict[str, Any]:
    """Whom the server's processes belong to, as `subprocess` wants it; nothing if that is this process's user."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}


def _await(server: Postgres, process: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg2  # noqa: PLC0415 - as above

    deadline = time.monotonic() + _START
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(psycopg2.OperationalError):
            server.connect("postgres").close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}")


def _program(name: str) -> str:
    """The newest version's program, or the one on the path."""
    versions = sorted(Path(_PROGRAMS).glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"There is no {name}: install PostgreSQL's server (postgresql in Debian).")
    return found


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGINT)
