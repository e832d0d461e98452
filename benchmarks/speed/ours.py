"""`python -m benchmarks.speed.ours BASE_URL`: our own backfill of the help desk, as the command would run it."""

from __future__ import annotations

import argparse
import sys

import extractor
from benchmarks.speed.vendor import BUDGETS, vendor
from extractor.memory import keep_little


def main() -> int:
    """Run it in the working folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.ours", description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("--budget", choices=sorted(BUDGETS), default="none")
    parser.add_argument("--export", action="store_true", help="the export instead of the lists")
    options = parser.parse_args()
    keep_little()
    outcome = extractor.backfill(vendor(options.base_url, budget=options.budget, export=options.export))
    print(outcome.message)
    return outcome.code


if __name__ == "__main__":
    sys.exit(main())
