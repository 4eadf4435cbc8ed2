"""Fuzzes one target, guided by coverage: python tests/fuzz/run.py TARGET [--seconds N] [FOLDER]

Needs atheris (pip install atheris). What it learns is kept in FOLDER, else in one of its own. An input that breaks a
promise is written into the current folder as `crash-…`; `--replay FILE` tries it again, without atheris.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "agent")]
NAMES = ("configuration", "scenario", "request", "http", "chip", "kernel", "broker", "block")


def main() -> int:
    """Run one target; return 0 when no promise was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--replay", type=Path, metavar="FILE", help="try one input that was found")
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="FOLDER", help="where inputs that reached new code are kept"
    )
    args = parser.parse_args()
    if args.replay:
        from tests.fuzz.targets import TARGETS

        TARGETS[args.target](args.replay.read_bytes())
        print("the promise is kept")
        return 0
    try:
        import atheris
    except ImportError:
        print(f"atheris is missing: {sys.executable} -m pip install atheris", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["agent", "drivers", "paho"]):
        from tests.fuzz.targets import TARGETS, seeds

        # What is imported only when it is used is instrumented, too.
        for seed in seeds(args.target):
            TARGETS[args.target](seed)
    # 8 KiB: more than any part reads at once.
    words = [sys.argv[0], f"-max_total_time={args.seconds}", "-max_len=8192", "-timeout=30"]
    folder = args.folder or Path(tempfile.mkdtemp(prefix=f"limpet-fuzz-{args.target}-"))
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(args.target)):
        (folder / f"seed-{number}").write_bytes(seed)
    atheris.Setup([*words, str(folder)], TARGETS[args.target])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
