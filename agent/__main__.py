"""`python -m agent`, and the command `limpet`. Signals are handled before anything else is imported."""

# The module `signal` itself takes milliseconds to import, during which a Ctrl-C would print a traceback.
import _signal  # type: ignore[import-not-found]
import os
import sys


def main() -> int:
    """Run the command `limpet` on sys.argv; return its exit code."""
    for number in (_signal.SIGINT, _signal.SIGTERM):
        _signal.signal(number, lambda *_: os._exit(0))
    from agent.cli.main import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
