from __future__ import annotations

import subprocess
import sys

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
