"""The simulated machine below the true drivers, buses and rounds, in virtual time."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from agent.acquisition.collector import Collector
from agent.clock import Clock
from agent.config import Config, ConfigError, parse
from agent.model import Batch
from agent.service.build import Assembly
from agent.simulation.machine import SimulatedClock, SimulatedMachine, simulated
from agent.simulation.scenario import Scenario
from agent.simulation.scenario_file import parse as parse_scenario
from agent.simulation.worker import LoopWorker

TWO_BUSES = """
[[sensor]]
id = "air"
driver = "bme280"
[[sensor]]
id = "light"
driver = "bh1750"
[[sensor]]
id = "power"
driver = "ina219"
bus = 2
"""
NAMESAKES = """
[[sensor]]
id = "left"
driver = "sht4x"
mux = { address = 0x70, channel = 1 }
[[sensor]]
id = "right"
driver = "sht4x"
mux = { address = 0x70, channel = 2 }
"""
OFF_THE_BUS = """
[[sensor]]
id = "door"
driver = "contact"
pin = 17
[[sensor]]
id = "adc"
driver = "mcp3008"
options = { channel = 2 }
[[sensor]]
id = "boiler"
driver = "ds18b20"
device = "28-0000075a1b2c"
[[sensor]]
id = "case"
driver = "iio"
device = "bme280"
[[sensor]]
id = "pi"
driver = "host"
"""

OF_THEIR_OWN = """
[[sensor]]
id = "dust"
driver = "sds011"
port = "/dev/serial0"
[[sensor]]
id = "co2"
driver = "mhz19"
port = "/dev/ttyAMA3"
[[sensor]]
id = "kiln"
driver = "max31856"
options = { select = 1, thermocouple = "J" }
[[sensor]]
id = "oven"
driver = "max31855"
"""


def config_of(text: str) -> Config:
    config, mistakes = parse(text)
    assert config is not None, mistakes
    return config


class Stage:
    """A simulated machine with sensors and buses, on the running loop's time."""

    def __init__(self, text: str, faults: str = "") -> None:
        loop = asyncio.get_running_loop()
        self.config, self.clock = config_of(text), loop.time
        self.machine = SimulatedMachine(self.config, clock=loop.time, worker=lambda bus: LoopWorker(bus, loop))
        self.machine.play(parse_scenario(faults, "test", self.machine.devices, self.machine.places))
        self.assembly = Assembly(self.machine, loop.time, Random(1), lambda _: None)
        self.assembly.arrange(self.config)
        self.collector = Collector(self.assembly.buses, loop.time)

    async def at(self, seconds: float) -> Batch:
        """Return a batch taken so many seconds after the start."""
        await asyncio.sleep(max(0.0, seconds - self.machine.elapsed()))
        return await self.collector.collect(self.assembly.due, "interval", 10.0)

    def close(self) -> None:
        self.assembly.close()


def play(runner, text: str, faults: str, *moments: float) -> list[Batch]:
    """Return one batch for each moment, in seconds after the start."""

    async def all_of_them() -> list[Batch]:
        stage = Stage(text, faults)
        try:
            return [await stage.at(moment) for moment in moments]
        finally:
            stage.close()

    return runner.run(all_of_them())


def fault(kind: str, **more: object) -> str:
    """Return a fault from 5 s to 15 s."""
    lines = [
        f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for name, value in more.items()
    ]
    return "\n".join(["[[fault]]", f'kind = "{kind}"', 'at = "5s"', 'for = "10s"', *lines]).replace("'", '"')


class TestWithoutAScenario:
    def test_all_buses_pins_and_kernel_sensors_are_read(self, runner):
        for text in (TWO_BUSES, NAMESAKES, OFF_THE_BUS):
            (batch,) = play(runner, text, "", 1)
            assert batch.unavailable == ()
            assert not batch.degraded

    def test_the_weather_moves_gently_and_is_the_same_each_time(self, runner):
        first, again = play(runner, TWO_BUSES, "", 1, 60), play(runner, TWO_BUSES, "", 1, 60)
        temperatures = [batch.readings[0].value for batch in first]
        assert temperatures[0] != temperatures[1]
        assert abs(temperatures[0] - temperatures[1]) < 5
        told = [[[reading[:-1] for reading in batch.readings] for batch in day] for day in (first, again)]
        assert told[0] == told[1], "but for the moment of their measurement"

    def test_another_seed_is_another_day(self, runner):
        (one,), (other,) = play(runner, TWO_BUSES, "seed = 1", 1), play(runner, TWO_BUSES, "seed = 2", 1)
        assert one.readings != other.readings

    def test_its_folder_is_gone_at_the_end(self):
        machine = SimulatedMachine(config_of(OFF_THE_BUS))
        root = Path(machine.devices["boiler"].fake.wiring["root"])
        assert root.is_dir()
        machine.close()
        assert not root.exists()


def test_chips_feel_the_scenarios_weather(runner):
    weather = '[[weather]]\nsensor = "air"\ntemperature = { mean = 10, swing = 5, period = "40s" }'
    values = [batch.readings[0].value for batch in play(runner, TWO_BUSES, weather, 10, 20, 30)]
    assert values == pytest.approx([15, 10, 5], abs=0.5)


class TestAFaultOfAChip:
    @pytest.mark.parametrize(
        ("kind", "error"),
        [("unplugged", "NoAcknowledge"), ("nack", "NoAcknowledge"), ("wrong_chip", "WrongChip"), ("bug", "TypeError")],
    )
    def test_comes_and_goes_and_spares_the_others(self, runner, kind, error):
        before, during, after = play(runner, TWO_BUSES, fault(kind, sensor="air"), 1, 6, 60)
        assert before.unavailable == after.unavailable == ()
        assert during.unavailable == ("air",)
        assert during.faults[0].error == error

    def test_frozen_means_that_the_value_sticks(self, runner):
        text = (
            fault("frozen", sensor="light")
            + '\n[[weather]]\nsensor="light"\nilluminance={mean=300,swing=200,period="20s"}'
        )
        values = [batch.readings[-5].value for batch in play(runner, TWO_BUSES, text, 4, 6, 12, 20)]
        assert values[0] != values[3]
        assert values[1] == values[2]

    def test_hits_one_of_two_namesakes_behind_a_multiplexer(self, runner):
        (during,) = play(runner, NAMESAKES, fault("unplugged", sensor="left"), 6)
        assert during.unavailable == ("left",)

    def test_a_hang_is_a_real_one_that_the_round_survives(self, runner):
        during, after = play(runner, TWO_BUSES, fault("hang", sensor="air"), 6, 60)
        assert during.faults[0].error == "BusTimeout"
        assert "power" not in during.unavailable
        assert after.unavailable == ()


class TestAFaultOfABus:
    def test_stuck_silences_its_sensors_alone(self, runner):
        during, probe, after = play(runner, TWO_BUSES, fault("stuck", bus="i2c-1"), 6, 90, 100)
        assert during.unavailable == ("air", "light")
        assert len(probe.unavailable) == 1  # one sensor asks for all
        assert after.unavailable == ()

    def test_a_sensor_that_is_stuck_takes_its_bus_along(self, runner):
        (during,) = play(runner, TWO_BUSES, fault("stuck", sensor="light"), 6)
        assert during.unavailable == ("air", "light")


class TestAFaultOffTheBus:
    @pytest.mark.parametrize("sensor", ["door", "adc", "boiler", "case", "pi"])
    @pytest.mark.parametrize("kind", ["unplugged", "bug", "hang"])
    def test_comes_and_goes_and_spares_the_others(self, runner, sensor, kind):
        before, during, after = play(runner, OFF_THE_BUS, fault(kind, sensor=sensor), 1, 6, 90)
        assert before.unavailable == after.unavailable == ()
        assert sensor in during.unavailable
        assert len(during.unavailable) == 1 or kind == "hang"  # a thread that hangs serves nobody

    def test_flaky_strikes_sometimes(self, runner):
        text = '[[fault]]\nkind = "flaky"\nrate = 0.5\nsensor = "boiler"'
        seen = [batch.unavailable for batch in play(runner, OFF_THE_BUS, text, *range(1, 40, 3))]
        assert () in seen
        assert ("boiler",) in seen


def test_the_wall_clock_steps_and_steps_back():
    moments = iter((4.0, 6.0, 16.0))
    scenario = parse_scenario(fault("clock_step", by="1h"), "test", {}, {})
    clock = SimulatedClock(scenario, lambda: next(moments))
    assert [round(clock.offset() - Clock().offset()) for _ in range(3)] == [0, 3600, 0]


def test_a_driver_of_others_without_a_fake_is_told_with_its_cure(monkeypatch):
    class Theirs:
        name, addresses, quantities, takes = "theirs", (0x20,), (), 0.1

        def __init__(self, bus: object, address: int | None = None) -> None: ...

    config = config_of('[[sensor]]\nid = "odd"\ndriver = "bme280"')
    spec = config.sensors[0]
    object.__setattr__(spec, "driver", "theirs")
    monkeypatch.setattr("agent.simulation.machine.find", lambda name: Theirs)
    with pytest.raises(ConfigError, match=r"(?s)theirs.*odd.*no fake.*fix: .*limpet\.fakes"):
        SimulatedMachine(config)


def test_simulated_reads_a_scenario_file_and_gives_a_clock_that_knows_it(tmp_path):
    file = tmp_path / "day.toml"
    file.write_text('[[fault]]\nkind = "clock_step"\nby = "1h"\n')
    clock, machine = simulated(config_of(TWO_BUSES), file)
    machine.close()
    assert round(clock.offset() - Clock().offset()) == 3600
    assert isinstance(machine.scenario, Scenario)


class TestAFaultThatComesAgain:
    def test_is_met_each_time_by_a_chip_and_by_a_kernel_sensor(self, runner):
        for text, sensor in ((TWO_BUSES, "air"), (OFF_THE_BUS, "boiler")):
            again = fault("unplugged", sensor=sensor) + '\nevery = "300s"'
            days = play(runner, text, again, 1, 6, 200, 306, 500)
            assert [sensor in day.unavailable for day in days] == [False, True, False, True, False]

    def test_that_came_and_went_between_two_readings_leaves_a_chip_without_its_settings(self, runner):
        text = '[[fault]]\nkind = "power_loss"\nsensor = "air"\nat = "5s"\nevery = "10s"'
        assert [day.unavailable for day in play(runner, TWO_BUSES, text, 1, 9, 19, 29)] == [(), (), (), ()]

    def test_is_no_fault_any_more_once_it_is_over(self, runner):
        async def left() -> int:
            stage = Stage(TWO_BUSES, fault("nack", sensor="air") + '\nevery = "20s"')
            for moment in range(1, 400, 10):
                await stage.at(moment)
            bus = stage.machine.buses["i2c-1"]
            stage.close()
            return len(bus.faults.all) + len(bus.aimed.targets)

        assert runner.run(left()) <= 2


def test_a_fault_of_pins_of_spi_or_of_one_wire_strikes_all_that_is_there(runner):
    (during,) = play(runner, OFF_THE_BUS, fault("unplugged", bus="gpio"), 6)
    assert during.unavailable == ("door",)
    (during,) = play(runner, OFF_THE_BUS, fault("unplugged", bus="spi0.0"), 6)
    assert during.unavailable == ("adc",)
    (during,) = play(runner, OFF_THE_BUS, fault("stuck", bus="w1"), 6)
    assert during.unavailable == ("boiler",)


def test_each_chip_select_and_each_serial_port_is_a_bus_with_a_breaker(runner):
    async def named() -> dict[str, str]:
        stage = Stage(OF_THEIR_OWN)
        await stage.at(1)
        batch = await stage.at(10)
        assert batch.unavailable == ()
        stage.close()
        return {name: bus.breaker.name for name, bus in stage.assembly.used.items()}

    buses = ("/dev/serial0", "/dev/ttyAMA3", "spi0.1", "spi0.0")
    assert runner.run(named()) == {name: f"bus:{name}" for name in buses}


def test_a_sensor_that_was_replaced_while_it_is_read_gives_its_port_back(runner):
    async def replaced() -> tuple[bool, tuple[str, ...]]:
        stage = Stage(OF_THEIR_OWN, fault("nack", sensor="dust"))
        await stage.at(6)
        old = stage.assembly.sensors[0].chip
        was_open = old.port.is_open
        stage.assembly.arrange(config_of(OF_THEIR_OWN.replace('"dust"', '"dust2"')))
        await asyncio.sleep(5)
        assert not old.port.is_open
        await stage.at(20)
        batch = await stage.at(30)
        stage.close()
        return was_open, batch.unavailable

    assert runner.run(replaced()) == (True, ())


@pytest.mark.parametrize("sensor", ["dust", "co2", "kiln", "oven"])
@pytest.mark.parametrize("kind", ["unplugged", "nack", "corrupt", "wrong_chip", "stuck", "hang", "bug"])
def test_a_sensor_on_a_bus_of_its_own_can_have_what_a_chip_can(runner, sensor, kind):
    # A dust sensor is read beside the rounds: what it says is told a round later, and its silence after two.
    happens = fault(kind, sensor=sensor).replace('for = "10s"', 'for = "60s"')
    _, before, _, _, during, *_, after = play(runner, OF_THEIR_OWN, happens, 0, 4, 15, 25, 40, 120, 240, 250)
    assert before.unavailable == after.unavailable == ()
    assert during.unavailable == (sensor,)


@pytest.mark.parametrize("kind", ["corrupt", "wrong_chip", "stuck", "power_loss"])
def test_a_kernel_sensor_can_have_what_a_chip_can(runner, kind):
    before, _, after = play(runner, OFF_THE_BUS, fault(kind, sensor="case"), 1, 6, 90)
    assert before.unavailable == after.unavailable == ()
