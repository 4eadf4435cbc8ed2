"""`python -m drivers.conformance NAME`: the laws, tried on a driver and its fake, as a table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .. import UnknownDriver, catalog
from ..fakes import fake_chip
from . import Verified, verify

SHOWN = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Try the laws; return 0 when all are kept, 1 when one is broken, 2 for wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m drivers.conformance",
        description="Try the laws of Limpet's drivers on one of them, also on another package's, in virtual time.",
        epilog="example:\n  python -m drivers.conformance sht4x",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", nargs="+", help="a driver of `limpet chips`; its fake is needed, too")
    parser.add_argument("-v", "--verbose", action="store_true", help="print all that breaks a law, not three lines")
    args = parser.parse_args(argv)
    return 1 if sum(_broken(name, args.verbose) for name in args.name) else 0


def _broken(name: str, verbose: bool) -> int:
    """Print the table of one driver; return how many laws are broken."""
    try:
        catalog.find(name)
        fake_chip(name) if catalog.find(name).addresses else None
    except (UnknownDriver, LookupError, ImportError, AttributeError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    broken = tried = 0
    print(f"{name}:")
    for one in verify(name):
        tried += 1
        broken += bool(one.problems)
        _show(one, None if verbose else SHOWN)
    print(f"{name} keeps {tried - broken} of {tried} laws")
    return broken


def _show(one: Verified, most: int | None) -> None:
    """Print a law's row, and what breaks it."""
    cases = f"{one.cases} cases" if one.cases > 1 else ""
    print(f"  {'BROKEN' if one.problems else 'kept  '}  {one.law.says:<46}  {cases}".rstrip(), flush=True)
    for problem in one.problems[:most]:
        print(f"            {problem}")
    if most is not None and len(one.problems) > most:
        print(f"            and {len(one.problems) - most} more: --verbose")


if __name__ == "__main__":
    sys.exit(main())
