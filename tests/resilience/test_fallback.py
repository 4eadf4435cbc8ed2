"""One sensor that fails, and a batch with some that do."""

import asyncio
import logging

import pytest

from agent.resilience import AsyncCircuitBreaker, CircuitState, collect_batch, read_sensor_with_fallback


def gives(value):
    async def read():
        return value

    return read


def raises(error):
    async def read():
        raise error

    return read


async def hangs():
    await asyncio.Event().wait()


@pytest.fixture
def breaker(clock):
    return AsyncCircuitBreaker(3, 30.0, clock=clock)


class TestASensor:
    @pytest.mark.parametrize("value", [21.5, 0, False, None, ""])
    def test_that_answers_is_ok_whatever_it_says(self, runner, value):
        reading = runner.run(read_sensor_with_fallback("tank", gives(value)))
        assert reading == {"sensorId": "tank", "value": value, "status": "ok"}

    @pytest.mark.parametrize("error", [OSError(121, ""), ConnectionError(), ZeroDivisionError()])
    def test_that_fails_is_unavailable(self, runner, breaker, error):
        for each in (None, breaker):
            reading = runner.run(read_sensor_with_fallback("tank", raises(error), each))
            name = type(error).__name__
            assert reading == {"sensorId": "tank", "value": None, "status": "unavailable", "error": name}

    def test_behind_an_open_circuit_is_unavailable(self, runner, breaker):
        breaker.trip()
        reading = runner.run(read_sensor_with_fallback("tank", gives(1), breaker))
        assert (reading["status"], reading["error"]) == ("unavailable", "CircuitOpenError")

    def test_that_is_cancelled_says_so(self, runner):
        with pytest.raises(asyncio.CancelledError):
            runner.run(read_sensor_with_fallback("tank", raises(asyncio.CancelledError())))


class TestTheLog:
    @pytest.mark.parametrize(
        ("error", "level", "phrase"),
        [
            (OSError(121, ""), logging.WARNING, "sensor unavailable"),
            (TimeoutError(), logging.WARNING, "sensor unavailable"),
            (LookupError(), logging.ERROR, "sensor driver has a bug"),
        ],
    )
    def test_tells_a_failure_from_a_bug(self, runner, caplog, logged, error, level, phrase):
        caplog.set_level(logging.DEBUG, "agent.resilience")
        runner.run(read_sensor_with_fallback("tank", raises(error)))
        (record,) = logged("agent.resilience")
        assert (record.levelno, record.message, record.sensor) == (level, phrase, "tank")
        assert bool(record.exc_info) == (level == logging.ERROR)

    def test_warns_of_what_the_breaker_counts(self, runner, logged, clock):
        breaker = AsyncCircuitBreaker(exceptions=(LookupError,), clock=clock)
        runner.run(read_sensor_with_fallback("tank", raises(KeyError()), breaker))
        assert [record.levelno for record in logged("agent.resilience")] == [logging.WARNING]

    def test_whispers_of_an_open_circuit(self, runner, caplog, logged, breaker):
        caplog.set_level(logging.DEBUG, "agent.resilience")
        breaker.trip()
        runner.run(read_sensor_with_fallback("tank", gives(1), breaker))
        assert [record.levelno for record in logged("agent.resilience")] == [logging.DEBUG]

    def test_says_little_of_half_an_hour_without_a_sensor(self, runner, logged, breaker, clock):
        for _ in range(1800):
            runner.run(read_sensor_with_fallback("tank", raises(OSError()), breaker))
            clock.advance(1.0)
        assert len(logged("agent.resilience")) <= 20


class TestABatch:
    def test_has_the_good_readings_and_names_the_rest_in_order(self, runner):
        readers = {"e": gives(1), "d": raises(OSError()), "c": gives(0), "b": raises(ValueError()), "a": gives(None)}
        batch = runner.run(collect_batch(readers))
        assert [(reading["sensorId"], reading["value"]) for reading in batch["readings"]] == [
            ("e", 1),
            ("c", 0),
            ("a", None),
        ]
        assert batch["unavailableSensors"] == ["d", "b"]
        assert batch["degraded"] is True

    def test_without_sensors_is_not_degraded(self, runner):
        assert runner.run(collect_batch({})) == {"readings": [], "unavailableSensors": [], "degraded": False}

    def test_is_read_in_parallel(self, runner):
        batch = runner.run(collect_batch({name: lambda: asyncio.sleep(5.0, "well") for name in "abcde"}))
        assert (len(batch["readings"]), runner.clock.now) == (5, 5.0)

    def test_leaves_in_time_without_a_sensor_that_hangs(self, runner):
        batch = runner.run(collect_batch({"a": gives(1), "b": hangs}, deadline_seconds=2.0))
        assert (batch["unavailableSensors"], runner.clock.now) == (["b"], 2.0)

    def test_pays_for_a_sensor_that_hangs_threshold_deadlines_and_its_probes(self, runner, breaker, clock):
        readers, spent = {"a": gives(1), "b": hangs}, []
        for _ in range(20):
            began = clock.now
            runner.run(collect_batch(readers, breakers={"b": breaker}, deadline_seconds=2.0))
            spent.append(clock.now - began)
            clock.advance(1.0)
        assert spent[:3] == [2.0, 2.0, 2.0]
        assert sum(spent[3:]) == 0.0
        assert breaker.state is CircuitState.OPEN

    def test_survives_a_read_that_cancels_itself(self, runner):
        batch = runner.run(collect_batch({"a": gives(1), "b": raises(asyncio.CancelledError())}))
        assert (len(batch["readings"]), batch["unavailableSensors"]) == (1, ["b"])

    def test_cancels_its_reads_and_waits_for_them(self, runner):
        ended = []

        async def slow_to_end():
            try:
                await hangs()
            finally:
                await asyncio.sleep(1.0)
                ended.append(True)

        async def cancelled():
            task = asyncio.create_task(collect_batch({"a": slow_to_end, "b": slow_to_end}))
            await asyncio.sleep(1.0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert len(asyncio.all_tasks()) == 1

        runner.run(cancelled())
        assert (ended, runner.clock.now) == ([True, True], 2.0)

    @pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
    def test_refuses_a_deadline_that_is_none(self, runner, seconds):
        with pytest.raises(ValueError, match="deadline_seconds"):
            runner.run(collect_batch({}, deadline_seconds=seconds))
