from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from extractor.load.settings import pin

PROGRAM = """
import os
from extractor.load.settings import pin
pin(os.environ)
import dlt
from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.extract.pipe_iterator import PipeIterator
from dlt.load.configuration import LoaderConfiguration
from dlt.normalize.configuration import NormalizeConfiguration
from dlt.pipeline.configuration import PipelineConfiguration
load = resolve_configuration(LoaderConfiguration(), sections=("load",), accept_partial=True)
assert load.truncate_staging_dataset and load.raise_on_failed_jobs and not load.auto_abort_on_terminal_error
runtime = resolve_configuration(RuntimeConfiguration())
assert not runtime.dlthub_telemetry and runtime.log_level == "ERROR"
pipeline = resolve_configuration(PipelineConfiguration(pipeline_name="p"))
assert pipeline.restore_from_destination and not pipeline.enable_runtime_trace
assert not pipeline.runtime.intercept_signals
assert resolve_configuration(NormalizeConfiguration(), sections=("normalize",), accept_partial=True).workers == 1
"""


def test_dlt_understands_the_settings() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={"PYTHONPATH": ":".join(filter(None, sys.path))}, check=False
    )
    assert done.returncode == 0


def test_what_the_environment_says_does_not_count() -> None:
    environment = {"LOAD__TRUNCATE_STAGING_DATASET": "false", "HOME": "/home/somebody"}
    pin(environment)
    assert environment["LOAD__TRUNCATE_STAGING_DATASET"] == "true"
    assert environment["HOME"] == "/home/somebody"


LIMITED = """
import os
from extractor.load.settings import pin
pin(os.environ)
import dlt
pipeline = dlt.pipeline("limited", pipelines_dir="pipelines", destination="duckdb")
pipeline.run([{"id": 1}], table_name="t")
with pipeline.sql_client() as client:
    print(client.execute_sql("SELECT current_setting('memory_limit')")[0][0])
"""


def test_duckdb_is_held_to_little_memory_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    name = "DESTINATION__DUCKDB__CREDENTIALS__GLOBAL_CONFIG"
    said = {}
    for own in ({}, {name: '{"memory_limit": "1GiB"}'}):
        folder = tmp_path / str(len(own))
        folder.mkdir()
        environment = {"PYTHONPATH": ":".join(filter(None, sys.path)), "HOME": str(folder), **own}
        command = [sys.executable, "-c", LIMITED]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        said[len(own)] = done.stdout.strip()
    assert said == {0: "143.0 MiB", 1: "1.0 GiB"}
