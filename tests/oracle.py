"""One configuration loaded twice, by dlt itself and by this package, and both databases compared."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
from dlt.sources.rest_api import rest_api_source

import extractor
from extractor.account import Outcome
from extractor.run.difference import Difference, Loaded, differences

__all__ = ["CONFIGURATIONS", "Oracle", "every"]

CONFIGURATIONS = Path(__file__).with_name("configurations")


def every(*files: str) -> list[tuple[str, str]]:
    """All configurations of some files, as file and name; read from their text, for their server does not run yet."""
    return [
        (file, line.partition(":")[0])
        for file in files
        for line in (CONFIGURATIONS / f"{file}.py").read_text().splitlines()
        if ": dict[str, Any] = {" in line
    ]


class Oracle:
    """Loads into two databases of a folder.

    Args:
        folder: becomes the working folder.
        patch: of a test; undoes what the file does to this process.
        file: in `CONFIGURATIONS`, without its ending.
        begins: called before this package's run.
        options: of `extractor.backfill`.

    Attributes:
        outcome: of this package's run.
        dlt, extractor: what is in either database.
        packages: that this package has loaded.
    """

    def __init__(
        self,
        folder: Path,
        patch: pytest.MonkeyPatch,
        file: str,
        name: str,
        *,
        begins: Callable[[], None] = lambda: None,
        **options: Any,
    ) -> None:
        path = (CONFIGURATIONS / file).with_suffix(".py")
        patch.chdir(folder)
        patch.setattr(sys, "path", list(sys.path))
        self._folder = folder
        self._schema = path.stem
        self._pipeline("dlt").run(rest_api_source(runpy.run_path(str(path))[name], name=self._schema))
        self.dlt = self._loaded("dlt")
        begins()
        try:
            self.outcome: Outcome = extractor.backfill(
                f"{path}:{name}", pipeline=self._pipeline("extractor"), **options
            )
        finally:
            sys.modules.pop(self._schema, None)
        self.extractor = self._loaded("extractor")
        with duckdb.connect(str(folder / "extractor.duckdb"), read_only=True) as connection:
            (self.packages,) = connection.execute(f"SELECT count(*) FROM {self._schema}_data._dlt_loads").fetchall()[0]

    @property
    def differences(self) -> list[Difference]:
        return differences(self.dlt, self.extractor)

    def _pipeline(self, who: str) -> dlt.Pipeline:
        return dlt.pipeline(
            f"{self._schema}_by_{who}",
            pipelines_dir=str(self._folder / "pipelines"),
            destination=dlt.destinations.duckdb(str(self._folder / f"{who}.duckdb")),
            dataset_name=f"{self._schema}_data",
        )

    def _loaded(self, who: str) -> Loaded:
        return Loaded.read(self._folder / f"{who}.duckdb", dataset=f"{self._schema}_data", schema=self._schema)
