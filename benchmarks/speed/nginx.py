"""nginx with `limit_req` before the help desk: a judge of rate compliance that none of us has written."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

from benchmarks.speed.played import Counted, Played

__all__ = ["Judge", "installed", "judging"]

# The burst is what the bucket of `benchmarks.speed.vendor` holds; a request too many is refused, none is delayed.
_CONFIGURATION = """
daemon off;
user {user};
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 2048; }}
http {{
    log_format judged "$msec $request_time $status";
    access_log {folder}/judged.log judged;
    client_body_temp_path {folder}/client;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    limit_req_zone $server_name zone=desk:1m rate={rate}r/s;
    limit_req_status 429;
    upstream desk {{ server {desk}; keepalive 256; }}
    server {{
        listen 127.0.0.1:{port};
        server_name desk;
        keepalive_requests 1000000;
        location = {bell} {{
            access_log off;
            return 204;
        }}
        location / {{
            limit_req zone=desk burst={rate} nodelay;
            proxy_pass http://desk;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""
_BELL = "/judge/bell"
_PATIENCE_S = 10.0


def installed() -> str | None:
    """The path of nginx, None if there is none. Debian keeps it where only root looks."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """An nginx that listens; `behind` is who answers what it lets through."""

    base_url: str
    log: Path
    behind: Played

    def counted(self) -> Counted:
        """What its log says of all that was answered before; what is in flight is not in it yet.

        Raises:
            OSError: nginx does not answer.
        """
        # The line of an answer is written after its last byte was sent, by the one worker that also answers this.
        with urlopen(f"{self.base_url}{_BELL}", timeout=_PATIENCE_S):  # noqa: S310 - loopback
            pass
        admitted, refused = Counter[int](), Counter[int]()
        arrivals: list[float] = []
        for line in self.log.read_text().splitlines():
            ended, took, status = line.split()
            arrivals.append(float(ended) - float(took))
            (refused if status == "429" else admitted)[int(arrivals[-1])] += 1
        behind = self.behind.counted()
        return Counted(
            requests=len(arrivals),
            records=behind.records,
            admitted=tuple(sorted(admitted.items())),
            refused=tuple(sorted(refused.items())),
            repeated=behind.repeated,
            in_flight=behind.in_flight,
            most_in_flight=behind.most_in_flight,
            first=min(arrivals, default=0.0),
            last=max(arrivals, default=0.0),
        )


@contextmanager
def judging(behind: Played, folder: Path, rate: int) -> Iterator[Judge]:
    """Start nginx in this folder; end it afterwards.

    Raises:
        RuntimeError: there is no nginx, or it does not start; its own words are in `error.log`.
    """
    program = installed()
    if program is None:
        raise RuntimeError("nginx is not installed: apt-get install nginx")
    folder.mkdir(parents=True)
    port = _free_port()
    text = _CONFIGURATION.format(
        user=getpass.getuser(),
        folder=folder,
        rate=rate,
        desk=urlsplit(behind.base_url).netloc,
        port=port,
        bell=_BELL,
    )
    (folder / "nginx.conf").write_text(text)
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(process, port, folder)
            yield Judge(base_url=f"http://127.0.0.1:{port}", log=folder / "judged.log", behind=behind)
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as knocking:
            if knocking.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nginx does not start: {(folder / 'error.log').read_text()}")
