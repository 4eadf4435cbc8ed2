"""The recipe that brings history into Home Assistant's statistics: what it keeps, and what it would write."""

import importlib.util
import json
import zlib
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "deploy" / "subscribers" / "home-assistant" / "history.py"
TWELVE = 1_795_608_000  # 2026-11-25 12:00 UTC
NAME = "limpet/pi/air/temperature"
OLD, NEW = (2025, 4), (2026, 11)
KEPT = {"statistic_id": "sensor.pi_air", "statistics_unit_of_measurement": "°C", "has_sum": False}


@pytest.fixture(scope="module")
def history():
    found = importlib.util.spec_from_file_location("history", FILE)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture
def memory(history, tmp_path):
    return history.Memory(str(tmp_path / "history.db"))


def batch(minute: float, value: float | None, **more) -> dict:
    """Return a batch of one reading, some minutes after twelve."""
    stamp = f"2026-11-25T12:{int(minute):02d}:{minute % 1 * 60:06.3f}Z"
    reading = {"sensorId": "air", "quantity": "temperature", "value": value, "unit": "°C", "status": "ok"}
    readings = [] if value is None else [reading | more.pop("reading", {})]
    return {"deviceId": "pi", "timestamp": stamp, "clock": "synced", "readings": readings} | more


def late(minute: float, value: float | None, **more) -> dict:
    return batch(minute, value, historical=True, **more)


class TestTheMemory:
    def test_joins_what_came_live_and_late_into_one_hour(self, memory):
        for one in (batch(0, 10.0), late(20, 40.0), late(40, 10.0)):
            memory.take(one)
        assert memory.row(NAME, TWELVE) == {"mean": 20.0, "min": 10.0, "max": 40.0, "unit": "°C"}

    def test_counts_what_comes_twice_once(self, memory):
        for one in (late(0, 10.0), late(0, 10.0), late(30, 20.0)):
            memory.take(one)
        assert memory.row(NAME, TWELVE)["mean"] == 15.0

    def test_leaves_hours_without_history_to_home_assistant(self, memory):
        memory.take(batch(0, 10.0))
        assert memory.due(TWELVE + 86400) == []

    def test_an_hour_is_due_when_home_assistant_has_written_its_own_row(self, memory):
        memory.take(late(59, 10.0))
        assert memory.due(TWELVE + 3600 + 359) == []
        assert memory.due(TWELVE + 3600 + 360) == [(NAME, TWELVE)]

    def test_an_hour_that_is_done_is_due_again_when_more_history_comes(self, memory):
        memory.take(late(1, 10.0))
        memory.done(NAME, TWELVE)
        memory.take(late(1, 10.0))
        assert memory.due(TWELVE + 86400) == []
        memory.take(late(2, 10.0))
        assert memory.due(TWELVE + 86400) == [(NAME, TWELVE)]

    @pytest.mark.parametrize("doubtful", [{"simulated": True}, {"clock": "unsynced"}, {"reading": {"status": "stale"}}])
    def test_takes_nothing_that_is_doubtful(self, memory, doubtful):
        memory.take(late(1, 10.0, **doubtful))
        assert memory.due(TWELVE + 86400) == []

    def test_takes_the_extremes_and_the_weight_of_a_window(self, memory):
        memory.take(late(0, 10.0, reading={"min": 8.0, "max": 11.0, "n": 3}))
        memory.take(late(30, 20.0))
        assert memory.row(NAME, TWELVE) == {"mean": 12.5, "min": 8.0, "max": 20.0, "unit": "°C"}

    def test_an_unchanged_quantity_has_the_value_before_it(self, memory):
        for one in (late(0, 70.0), late(10, 10.0), late(20, None, unchanged=["air.temperature"]), late(40, 30.0)):
            memory.take(one)
        assert memory.row(NAME, TWELVE)["mean"] == 30.0

    def test_a_reading_with_a_time_of_its_own_belongs_to_that_hour(self, memory):
        memory.take(late(0, 10.0, reading={"timestamp": "2026-11-25T11:59:58.000Z"}))
        assert memory.due(TWELVE + 86400) == [(NAME, TWELVE - 3600)]

    def test_forgets_what_is_old(self, memory):
        memory.take(late(0, 10.0))
        memory.forget(TWELVE + 3601)
        assert memory.due(TWELVE + 86400) == []
        assert memory.row(NAME, TWELVE)["mean"] is None


class TestWhatIsWritten:
    ROW = {"mean": 20.0, "min": 10.0, "max": 40.0, "unit": "°C"}

    def test_is_one_hour_of_the_entity(self, history):
        command = history.import_command(KEPT, TWELVE, self.ROW, OLD)
        assert command["stats"] == [{"start": "2026-11-25T12:00:00+00:00", "mean": 20.0, "min": 10.0, "max": 40.0}]
        assert command["metadata"] == {
            "has_mean": True,
            "has_sum": False,
            "name": None,
            "source": "recorder",
            "statistic_id": "sensor.pi_air",
            "unit_of_measurement": "°C",
        }

    def test_names_the_kind_of_mean_and_of_unit_where_that_is_asked_for(self, history):
        kept = KEPT | {"unit_class": "temperature", "mean_type": 1}
        metadata = history.import_command(kept, TWELVE, self.ROW, NEW)["metadata"]
        assert (metadata["mean_type"], metadata["unit_class"]) == (1, "temperature")
        assert "has_mean" not in metadata

    def test_is_in_the_unit_of_the_house(self, history):
        kept = KEPT | {"statistics_unit_of_measurement": "°F"}
        values = history.import_command(kept, TWELVE, self.ROW, OLD)["stats"][0]
        assert (values["mean"], values["min"], values["max"]) == (68.0, 50.0, 104.0)

    @pytest.mark.parametrize("other", [{"has_sum": True}, {"statistics_unit_of_measurement": "parsec"}])
    def test_a_sum_and_a_strange_unit_are_left_alone(self, history, other, capsys):
        assert history.import_command(KEPT | other, TWELVE, self.ROW, OLD) is None
        assert "left alone" in capsys.readouterr().err

    def test_a_number_without_a_unit_stays_one(self, history):
        kept = KEPT | {"statistics_unit_of_measurement": None}
        assert history.import_command(kept, TWELVE, self.ROW | {"unit": ""}, OLD)["stats"][0]["mean"] == 20.0


def test_a_block_is_many_batches(history):
    lines = b"\n".join(json.dumps(late(minute, 10.0)).encode() for minute in range(3))
    assert len(list(history.batches(zlib.compress(lines)))) == len(list(history.batches(lines))) == 3
