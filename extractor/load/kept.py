"""The files of dlt's pipeline as the last commit left them, for the next attempt and for dlt's own commands."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import dlt
from dlt.common.pipeline import get_dlt_pipelines_dir

__all__ = ["Kept"]

_FRESH = ".new"


class Kept:
    """While this process lives nobody else commits; a new one takes them from the destination, which can't be behind.

    Args:
        pipeline: its name.
    """

    def __init__(self, pipeline: str) -> None:
        self._pipeline = pipeline
        self._files: Mapping[str, bytes] | None = None
        self._published: Mapping[str, bytes] | None = None

    @property
    def known(self) -> bool:
        """False until something is kept; the destination must then be asked."""
        return self._files is not None

    def keep(self, pipeline: dlt.Pipeline) -> None:
        """They are those of this pipeline."""
        home = Path(pipeline.working_dir)
        paths = [home / "state.json", *sorted((home / "schemas").glob("*.json"))]
        self._files = {str(path.relative_to(home)): path.read_bytes() for path in paths if path.exists()}

    def forget(self) -> None:
        """They may be others by now."""
        self._files = None

    def restore(self, folder: Path) -> None:
        """Write them where a new pipeline is to find them."""
        for name, content in (self._files or {}).items():
            path = folder / self._pipeline / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(content)

    def publish(self) -> None:
        """Let `dlt pipeline NAME info` find the pipeline where dlt looks for pipelines.

        A folder with packages that wait is somebody's own work and stays as it is. One that can't be written is left
        alone, too: nothing of a load depends on it.
        """
        with suppress(OSError):
            self._publish()

    def sweep(self) -> None:
        """Delete what a process that was killed had begun to publish."""
        for pattern in (f"*{_FRESH}", f"schemas/*{_FRESH}"):
            for path in self._home.glob(pattern):
                with suppress(OSError):
                    path.unlink()

    @property
    def _home(self) -> Path:
        return Path(get_dlt_pipelines_dir()) / self._pipeline

    def _publish(self) -> None:
        home = self._home
        waiting = (home / "normalize" / "extracted", home / "load" / "normalized")
        if not self._files or self._files == self._published or any(any(folder.glob("*")) for folder in waiting):
            return
        for name, content in self._files.items():
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f"{path.name}{_FRESH}")
            fresh.write_bytes(content)
            fresh.replace(path)
        self._published = self._files
