"""Requests over MQTT: what is heard, what is refused, what is done once, and what the handlers do."""

from __future__ import annotations

import asyncio
import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whole import FILE, whole

from agent.broker import Message
from agent.messages.topics import Topics
from agent.service import runs
from agent.service.hardware import RealWorld
from agent.service.requests import LARGEST, MOST, WITHIN, Refused, Requests

ALLOWED = FILE + '[commands]\nallow = ["read", "reset", "info", "resend", "reload"]\n'


class Desk:
    """Requests with one handler, `do`, that notes what it was asked and takes a second."""

    def __init__(self) -> None:
        self.done: list[dict] = []
        self.answers: list[tuple[str, dict]] = []
        self.correlations: list[bytes | None] = []
        self.now = 0.0
        self.requests = Requests(
            Topics("limpet", "pi"),
            {"do": self._do},
            self._take,
            lambda: self.now,
            lambda coroutine: None,
        )

    def _take(self, topic: str, payload: bytes, correlation: bytes | None) -> None:
        self.answers.append((topic, json.loads(payload)))
        self.correlations.append(correlation)

    async def _do(self, request: dict) -> dict:
        self.done.append(request)
        await asyncio.sleep(1.0)
        if "refuse" in request:
            raise Refused("no")
        if "break" in request:
            raise ZeroDivisionError
        return {"number": len(self.done)}

    async def ask(self, request: object, **more: object) -> dict | None:
        payload = request if isinstance(request, bytes) else json.dumps(request).encode()
        before = len(self.answers)
        await self.requests.handle("do", Message("limpet/pi/request/do", payload, **more))
        return self.answers[-1][1] if len(self.answers) > before else None


@pytest.fixture
def desk() -> Desk:
    return Desk()


class TestARequest:
    def test_is_answered_with_its_transaction(self, runner, desk):
        assert runner.run(desk.ask({"transaction": "t1"})) == {
            "transaction": "t1",
            "status": "ok",
            "data": {"number": 1},
            "error": None,
        }
        assert desk.answers[0][0] == "limpet/pi/response/do"

    def test_gets_its_correlation_data_back_also_when_it_is_refused(self, runner, desk):
        runner.run(desk.ask({}, correlation=b"\x00\x01"))
        runner.run(desk.ask(b"no JSON", correlation=b"\xff"))
        runner.run(desk.ask({}))
        assert desk.correlations == [b"\x00\x01", b"\xff", None]

    def test_may_be_empty(self, runner, desk):
        assert runner.run(desk.ask(b""))["status"] == "ok"

    @pytest.mark.parametrize(
        ("payload", "why"),
        [
            (b"read", "no JSON"),
            (b"\xff\xfe\x00", "no JSON"),
            (b"[1]", "no JSON object"),
            (b'"x"', "no JSON object"),
            (b'{"transaction": 7}', "transaction must be"),
            (b'{"transaction": "' + b"x" * 129 + b'"}', "transaction must be"),
            (b'{"a":' + b"[" * 9 + b"]" * 9 + b"}", "nested deeper"),
            (b"[" * 4000, "no JSON"),
            (b'{"a": "' + b"x" * LARGEST + b'"}', f"at most {LARGEST}"),
        ],
    )
    def test_that_makes_no_sense_is_refused_with_the_reason(self, runner, desk, payload, why):
        answer = runner.run(desk.ask(payload))
        assert (answer["status"], answer["data"]) == ("error", None)
        assert why in answer["error"]
        assert desk.done == []

    @given(
        st.one_of(
            st.binary(max_size=200),
            st.recursive(
                st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
            ).map(lambda value: json.dumps(value).encode()),
        )
    )
    def test_of_any_kind_gets_one_answer_in_json(self, payload):
        desk = Desk()
        desk.requests.handlers["do"] = _nothing
        asyncio.run(desk.requests.handle("do", Message("limpet/pi/request/do", payload)))
        assert len(desk.answers) == 1
        assert desk.answers[0][1]["status"] in ("ok", "error")

    @pytest.mark.parametrize("text", ["\ud800", "ü", "\0", "🐚"])
    def test_gets_its_transaction_back_whatever_letters_it_has(self, runner, desk, text):
        assert runner.run(desk.ask({"transaction": text}))["transaction"] == text


async def _nothing(request: dict) -> dict:
    return {}


class TestATransaction:
    def test_that_was_answered_is_answered_again_and_not_done_again(self, runner, desk):
        first, second = runner.run(desk.ask({"transaction": "t"})), runner.run(desk.ask({"transaction": "t"}))
        assert first == second
        assert len(desk.done) == 1

    @pytest.mark.parametrize(("more", "status"), [({}, "ok"), ({"refuse": True}, "error")])
    def test_that_is_under_way_is_not_begun_again_and_both_are_answered(self, runner, desk, more, status):
        async def twice() -> list:
            request = {"transaction": "t", **more}
            return await asyncio.gather(desk.ask(request), desk.ask(request))

        first, second = runner.run(twice())
        assert first == second
        assert first["status"] == status
        assert (len(desk.done), len(desk.answers)) == (1, 2)

    def test_that_was_refused_may_be_tried_again(self, runner, desk):
        runner.run(desk.ask({"transaction": "t", "refuse": True}))
        assert runner.run(desk.ask({"transaction": "t"}))["status"] == "ok"

    def test_that_met_a_bug_may_be_tried_again(self, runner, desk):
        with pytest.raises(ZeroDivisionError):
            runner.run(desk.ask({"transaction": "t", "break": True}))
        assert runner.run(desk.ask({"transaction": "t"}))["status"] == "ok"

    def test_without_a_name_is_done_each_time(self, runner, desk):
        for _ in range(3):
            runner.run(desk.ask({}))
        assert len(desk.done) == 3


class TestAFloodOfRequests:
    def test_is_refused_and_let_in_again_later(self, runner, desk):
        answers = [runner.run(desk.ask({})) for _ in range(MOST + 1)]
        assert [answer["status"] for answer in answers] == ["ok"] * MOST + ["error"]
        assert "wait a little" in answers[-1]["error"]
        desk.now += WITHIN
        assert runner.run(desk.ask({}))["status"] == "ok"

    def test_of_nonsense_is_logged_once(self, runner, desk, logged):
        for _ in range(100):
            runner.run(desk.ask(b"x"))
        assert len(logged("limpet.requests")) == 1


class TestAResponseTopic:
    def test_below_our_own_is_honoured(self, runner, desk):
        runner.run(desk.ask({}, response_topic="limpet/pi/response/do/client-7"))
        assert desk.answers[0][0] == "limpet/pi/response/do/client-7"

    @pytest.mark.parametrize(
        "topic",
        ["limpet/pi/state", "limpet/pi/request/do", "limpet/other/response/do", "home", "limpet/pi/response/#",
         "limpet/pi/response/+", "limpet/pi/response/", "limpet/pi/responses", ""],
    )  # fmt: skip
    def test_elsewhere_is_not(self, runner, desk, topic):
        runner.run(desk.ask({}, response_topic=topic))
        assert desk.answers[0][0] == "limpet/pi/response/do"


class TestTheAgent:
    def test_takes_no_requests_unless_told(self, runner):
        async def listens() -> set[str]:
            async with whole() as home:
                return set(home.broker.session.subscriptions)

        assert runner.run(listens()) == set()

    def test_subscribes_to_what_is_allowed_and_to_nothing_else(self, runner):
        async def listens() -> set[str]:
            async with whole(FILE + '[commands]\nallow = ["info"]\n') as home:
                return set(home.broker.session.subscriptions)

        assert runner.run(listens()) == {"limpet/pi/request/info"}

    def test_reads_at_once_publishes_and_answers_with_the_same_batch(self, runner):
        async def read() -> None:
            async with whole(ALLOWED) as home:
                answer = await home.ask("read", {"transaction": "1", "sensors": ["air"]})
                batch = json.loads(home.last("limpet/pi/batch"))
                assert answer["data"] == batch
                assert (batch["trigger"], batch["interval"]) == ("request", None)
                assert {one["sensorId"] for one in batch["readings"]} == {"air"}

        runner.run(read())

    def test_says_which_sensor_may_have_been_meant(self, runner):
        async def read() -> None:
            async with whole(ALLOWED) as home:
                assert "did you mean air?" in (await home.ask("read", {"sensors": ["aire"]}))["error"]
                for wrong in ({"sensors": "air"}, {"sensors": [7]}, {"sensors": []}, {"sensors": [["air"]]}):
                    assert (await home.ask("read", wrong))["status"] == "error"

        runner.run(read())

    def test_resets_a_breaker(self, runner):
        async def reset() -> None:
            async with whole(ALLOWED) as home:
                breaker = home.agent.status.breakers()["air"]
                breaker.trip()
                assert (await home.ask("reset", {"breaker": "air"}))["data"] == {"reset": ["air"]}
                assert breaker.state.value == "closed"
                everything = (await home.ask("reset", {}))["data"]["reset"]
                assert {"air", "door", "bus:i2c-1", "broker"} <= set(everything)
                assert (await home.ask("reset", {"breaker": {}}))["status"] == "error"

        runner.run(reset())

    @pytest.mark.parametrize(
        ("name", "request_", "says"),
        [
            ("reset", {"sensor": "air"}, "unknown key 'sensor'; reset takes `breaker`"),
            ("reset", {"braker": "air"}, "unknown key 'braker'; did you mean `breaker`?"),
            ("read", {"sensor": "air"}, "unknown key 'sensor'; did you mean `sensors`?"),
            ("read", {"data": {"sensors": ["air"]}}, "unknown key 'data'; read takes `sensors`"),
            ("info", {"sensors": ["air"]}, "unknown key 'sensors'; info takes nothing"),
            ("resend", {"bootID": "x", "from": 1, "to": 2}, "unknown key 'bootID'; did you mean `bootId`?"),
            ("resend", {"x": 1}, "unknown key 'x'; resend takes `bootId`, `from`, `to`"),
        ],
    )
    def test_does_nothing_that_has_a_key_it_does_not_know(self, runner, name, request_, says):
        async def ask() -> None:
            async with whole(ALLOWED) as home:
                breaker = home.agent.status.breakers()["door"]
                breaker.trip()
                before = [one.topic for one in home.broker.received if one.topic.endswith(("/batch", "/backfill"))]
                answer = await home.ask(name, {"transaction": "1", **request_})
                assert answer == {"transaction": "1", "status": "error", "data": None, "error": says}
                assert breaker.state.value == "open"
                after = [one.topic for one in home.broker.received if one.topic.endswith(("/batch", "/backfill"))]
                assert after == before

        runner.run(ask())

    def test_refuses_to_reload_what_has_no_file(self, runner):
        async def reload() -> None:
            async with whole(ALLOWED) as home:
                assert "no file" in (await home.ask("reload", {}))["error"]

        runner.run(reload())

    def test_reloads_its_file_after_it_has_answered_and_says_what_is_wrong_with_it(self, runner, tmp_path, mocker):
        mocker.patch.object(runs.logs, "setup")
        file = tmp_path / "limpet.toml"

        async def reload() -> None:
            async with whole(ALLOWED, reload=lambda: reloads.ask()) as home:  # noqa: PLW0108  (it is made below)
                reloads = runs.Reload(RealWorld(file), home.agent, home.clock, Random(1))
                home.agent.reload = lambda config, _: home.agent.__class__.reload(home.agent, config, home.making)
                following = asyncio.create_task(reloads.run())
                file.write_text(ALLOWED.replace("sht4x", "sht4"))
                answer = await home.ask("reload", {"transaction": "1"})
                assert (answer["status"], answer["transaction"]) == ("error", "1")
                assert "limpet.toml:" in answer["error"]
                assert len(home.agent.config.sensors) == 2
                file.write_text(ALLOWED + '[[sensor]]\nid = "attic"\ndriver = "lm75"\n')
                assert (await home.ask("reload", {}))["data"] == {"sensors": 3}
                await home.settle(1.0)
                assert [one.id for one in home.agent.config.sensors] == ["air", "door", "attic"]
                following.cancel()

        runner.run(reload())

    def test_tells_who_it_is(self, runner):
        async def info() -> None:
            async with whole(ALLOWED) as home:
                assert (await home.ask("info", {}))["data"] == json.loads(home.last("limpet/pi/info"))

        runner.run(info())

    def test_sends_again_what_the_broker_acknowledged(self, runner):
        async def resend() -> None:
            async with whole(ALLOWED) as home:
                run = {"bootId": home.agent.run_id, "from": 1, "to": 3}
                assert (await home.ask("resend", run))["data"] == {"resent": 1, "missing": 2}
                assert json.loads(home.last("limpet/pi/backfill"))["seq"] == 1
                for wrong in ({}, run | {"from": 0}, run | {"to": True}, run | {"from": 5}, run | {"bootId": 1}):
                    assert "resend needs" in (await home.ask("resend", wrong))["error"]

        runner.run(resend())
