"""What `agent.resilience` promises: names, signatures, and that it stands alone."""

import ast
import inspect
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import agent.resilience
from agent.resilience import AsyncCircuitBreaker, CircuitBreaker, CircuitOpenError, RetryPolicy, retry_with_backoff

RETRY = {
    "max_attempts": 4,
    "base_delay_seconds": 1.0,
    "max_delay_seconds": 30.0,
    "exceptions": (OSError,),
    "multiplier": 2.0,
    "jitter": "equal",
    "deadline_seconds": None,
    "attempt_timeout_seconds": None,
    "budget": None,
    "on_retry": None,
    "clock": time.monotonic,
    "sleep": None,
    "rng": None,
}
BREAKER = {
    "failure_threshold": 3,
    "reset_timeout_seconds": 30.0,
    "name": "default",
    "exceptions": (OSError,),
    "success_threshold": 1,
    "multiplier": 2.0,
    "max_reset_timeout_seconds": 120.0,
    "reset_jitter": 0.1,
    "call_timeout_seconds": None,
    "on_event": None,
    "clock": time.monotonic,
    "rng": None,
}
BLOCKING = {name: default for name, default in BREAKER.items() if name != "call_timeout_seconds"}
SOURCES = sorted(Path(agent.resilience.__file__).parent.glob("*.py"))


class TestTheSurface:
    @pytest.mark.parametrize(
        ("what", "parameters", "positional"),
        [
            (retry_with_backoff, RETRY, 3),
            (RetryPolicy, RETRY, 3),
            (AsyncCircuitBreaker, BREAKER, 2),
            (CircuitBreaker, BLOCKING, 2),
        ],
    )
    def test_has_the_promised_defaults(self, what, parameters, positional):
        signature = inspect.signature(what).parameters
        assert {name: parameter.default for name, parameter in signature.items()} == parameters
        assert list(signature) == list(parameters)
        by_position = [p for p in signature.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert len(by_position) == positional

    @pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
    def test_needs_the_standard_library_only(self, path):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level < 2
                names += [] if node.level else [node.module or ""]
            assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names

    def test_works_as_a_copy_in_an_empty_folder(self, tmp_path):
        shutil.copytree(Path(agent.resilience.__file__).parent, tmp_path / "holding_on")
        code = (
            f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
            "from holding_on import CircuitBreaker, CircuitOpenError, retry_with_backoff\n"
            "breaker = CircuitBreaker(1)\n"
            "assert breaker.call(retry_with_backoff()(lambda: 21.5)) == 21.5\n"
            "assert 'agent' not in sys.modules\n"
        )
        subprocess.run([sys.executable, "-I", "-c", code], check=True)

    def test_has_an_error_that_survives_a_process_boundary(self):
        error = pickle.loads(pickle.dumps(CircuitOpenError("tank", 2.5)))
        assert (error.name, error.retry_after, str(error)) == (
            "tank",
            2.5,
            "circuit 'tank' is open, retry in 2.5 s",
        )

    def test_shows_a_breakers_state(self):
        assert repr(CircuitBreaker(name="tank")) == "<CircuitBreaker 'tank' closed failures=0>"
