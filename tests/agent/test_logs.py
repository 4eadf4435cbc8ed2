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


class TestAFlood:
    """What repeats is one line a kind and minute; what happens to many at once is one with a count."""

    @pytest.fixture
    def lines(self, written):
        """Return a function that lets time pass and returns the lines that were written since it was called last."""
        stream = written(**JOURNAL)
        (handler,) = (one for one in logging.getLogger().handlers if isinstance(one, logs.Bunching))
        now, calls = 0.0, []
        handler.clock = lambda: now
        logs.settle_by(lambda wait, call: calls.append((now + wait, call)))

        def after(seconds=0.0):
            nonlocal now
            for _ in range(round(seconds * 2)):
                now += 0.5
                for due in [one for one in calls if one[0] <= now]:
                    calls.remove(due)
                    due[1]()
            told = stream.getvalue().splitlines()
            stream.seek(0)
            stream.truncate()
            return [line.removeprefix("<4>") for line in told]

        return after

    def test_of_one_line_is_one_a_minute_and_says_how_often(self, lines):
        told = []
        for second in range(600):
            log.warning("request refused", extra={"request": "read", "why": f"request {second} is too long"})
            told += lines(1.0)
        assert told[0] == 'request refused request=read why="request 0 is too long"'
        assert len(told) in (10, 11)
        assert all("repeated=60" in line for line in told[1:])

    def test_of_many_sensors_is_a_few_lines_and_one_for_the_rest(self, lines):
        for number in range(500):
            log.warning("sensor fell silent", extra={"sensor": f"s{number}", "why": "i2c-1: no answer from 0x44"})
        told = lines(2.0)
        assert len(told) == logs.FEW + 1
        assert told[-1] == 'sensor fell silent sensor="s5, s6, s7, s8, s9 and 490 more" lines=495'
        assert lines(300.0) == []

    def test_hides_no_line_of_another_kind(self, lines):
        for number in range(100):
            log.warning("sensor fell silent", extra={"sensor": f"s{number}"})
            log.warning("sensor came back", extra={"sensor": f"s{number}"})
        log.warning("broker away", extra={"error": "no route"})
        told = lines(2.0)
        assert len(told) == 2 * (logs.FEW + 1) + 1
        assert 'broker away error="no route"' in told

    def test_leaves_a_change_of_one_sensor_as_it_is(self, lines):
        for state in ("open", "half_open", "closed", "forced_open"):
            log.warning("breaker changed", extra={"breaker": "air", "state": state})
        assert len(lines()) == 4

    def test_of_strangers_words_stays_small(self, lines):
        told = []
        for number in range(3000):
            log.warning(
                "request refused", extra={"request": "read", "why": f"unknown key '{chr(97 + number % 26) * 9}'"}
            )
            told += lines(0.5 * (number % 20 == 0))
        assert len(told) < 20

    def test_of_tracebacks_is_one_traceback(self, lines):
        for number in range(400):
            try:
                raise OSError(24, "Too many open files")
            except OSError:
                log.exception(f"socket.accept() out of system resource <socket fd={number} at 0x7f{number:010x}>")
        told = [*lines(2.0), *lines(70.0)]
        assert sum("Traceback" in line for line in told) == 1
        assert len(told) < 15

    def test_is_written_at_the_end_whatever_was_held_back(self, lines):
        for _ in range(3):
            log.warning("again")
        assert lines() == ["again"]
        stream = next(one for one in logging.getLogger().handlers if isinstance(one, logs.Bunching))
        stream.close()
        assert lines() == ["again repeated=2"]

    def test_forgets_what_is_long_over(self, lines):
        for number in range(50):
            log.warning(f"{'x' * number} happened")
        lines(200.0)
        log.warning("the next line")
        (handler,) = (one for one in logging.getLogger().handlers if isinstance(one, logs.Bunching))
        assert len(handler._kinds) == 1

    def test_for_debugging_passes_in_full(self, written):
        stream = written("debug", **JOURNAL)
        for _ in range(100):
            log.debug("batch", extra={"seq": 1})
        assert len(stream.getvalue().splitlines()) == 100
