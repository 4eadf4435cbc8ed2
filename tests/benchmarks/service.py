"""What the service costs, beside its budgets, as ratios to the limit measured in the same run.

python tests/benchmarks/service.py [--json] [--quick] [load] [kernel] [quiet] [parts] [faults] [disk] [scale]
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from dataclasses import asdict

from rows import Row, table
from stage import Stage

GROUPS = ("load", "kernel", "quiet", "parts", "faults", "disk", "scale")


def main() -> int:
    """Measure; return 1 if a budget is not kept."""
    parser = argparse.ArgumentParser(description="What the service costs.")
    parser.add_argument("groups", nargs="*", metavar="group", help=f"some of {', '.join(GROUPS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="one short run of each")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    runs, seconds = (1, 4.0) if arguments.quick else (5, 10.0)
    measured: list[Row] = []
    stage = Stage()
    try:
        for group in arguments.groups or GROUPS:
            for row in importlib.import_module(group).rows(stage, runs, seconds):
                measured.append(row)
                print(f"{row.name}: {row.value:.4g} {row.unit}", file=sys.stderr)
    finally:
        stage.close()
    if arguments.json:
        print(json.dumps({"rows": [asdict(row) | {"judged": row.judged, "kept": row.kept} for row in measured]}))
    else:
        print(table(measured))
    return 0 if all(row.kept for row in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
