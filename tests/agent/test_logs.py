"""Log lines: a phrase, then key=value; or JSON."""

import io
import json
import logging

import pytest

from agent import logs
from agent.config import Secret


@pytest.fixture
def written():
    """Return a function that sets logging up and returns what is written from then on."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)

    def begin(level="info", form="text", **environ):
        stream = io.StringIO()
        logs.setup(level, form, stream=stream, environ=environ)
        return stream

    yield begin
    root.handlers[:] = handlers
    root.setLevel(level)


log = logging.getLogger("agent.test")
JOURNAL = {"JOURNAL_STREAM": "8:1"}


class TestATextLine:
    def test_is_a_phrase_then_values_quoted_where_they_need_it(self, written):
        stream = written(**JOURNAL)
        extra = {
            "sensor": "air",
            "error": 'no "ack" from 0x44',
            "probe_in": 30.0,
            "empty": "",
            "none": None,
            "up": True,
        }
        log.warning("sensor fell silent", extra=extra)
        assert stream.getvalue() == (
            '<4>sensor fell silent sensor=air error="no \\"ack\\" from 0x44" probe_in=30.0 empty="" none=null up=true\n'
        )

    def test_cannot_be_forged_by_a_value(self, written):
        stream = written(**JOURNAL)
        log.info("got\nthis", extra={"payload": "x\n<0>broken ok=1"})
        assert stream.getvalue() == '<6>got this payload="x\\n<0>broken ok=1"\n'

    @pytest.mark.parametrize(("level", "priority"), [("debug", 7), ("info", 6), ("warning", 4), ("error", 3)])
    def test_has_systemds_priority(self, written, level, priority):
        stream = written("debug", **JOURNAL)
        getattr(log, level)("x")
        assert stream.getvalue() == f"<{priority}>x\n"

    def test_has_time_and_level_where_no_journal_adds_them(self, written):
        stream = written()
        log.info("connected", extra={"host": "broker"})
        assert stream.getvalue().endswith("Z info    connected host=broker\n")

    def test_is_followed_by_a_traceback_each_line_with_its_priority(self, written):
        stream = written(**JOURNAL)
        try:
            raise TypeError("ours")
        except TypeError:
            log.exception("driver has a bug")
        lines = stream.getvalue().splitlines()
        assert lines[0] == "<3>driver has a bug"
        assert lines[-1] == "<3>TypeError: ours"
        assert all(line.startswith("<3>") for line in lines)


class TestAJsonLine:
    def test_holds_the_same(self, written):
        stream = written(form="json")
        log.warning("sensor fell silent", extra={"sensor": "air", "probe_in": 30.0})
        line = json.loads(stream.getvalue())
        assert line.pop("time").endswith("Z")
        assert line == {
            "level": "warning",
            "logger": "agent.test",
            "message": "sensor fell silent",
            "sensor": "air",
            "probe_in": 30.0,
        }

    def test_is_one_line_even_with_a_traceback_and_strange_values(self, written):
        stream = written(form="json")
        try:
            raise TypeError("ours")
        except TypeError:
            log.exception("driver has a bug", extra={"value": float("nan"), "thing": object(), "text": "NaN\u2028"})
        (line,) = stream.getvalue().splitlines()
        document = json.loads(line, parse_constant=pytest.fail)
        assert "TypeError: ours" in document["traceback"]
        assert (document["value"], document["text"]) == ("nan", "NaN\u2028")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_secret_is_never_shown(written, form):
    stream = written(form=form)
    secret = Secret("hunter2")
    log.error("connecting with %s", secret, extra={"password": secret, "all": {"password": secret}, "more": [secret]})
    assert "hunter2" not in stream.getvalue()
    assert "***" in stream.getvalue()


def test_setting_up_again_replaces_the_first(written):
    first = written("debug")
    second = written("warning")
    log.info("not this")
    log.warning("this")
    assert first.getvalue() == ""
    assert second.getvalue().count("\n") == 1
