"""From a configured sensor to its driver: what the configuration says of it arrives."""

from agent.config import parse
from agent.service.hardware import build
from drivers.fakes import FakeBus, FakeTime, fake_chip


def driver(line, bus):
    config, mistakes = parse(f'[[sensor]]\nid = "air"\ndriver = "scd4x"\n{line}\n')
    assert not mistakes
    return build(config.sensors[0], bus)[1]


def test_a_chip_on_a_bus_is_told_the_altitude_of_its_sensor():
    chip, time = fake_chip("scd4x"), FakeTime()
    with FakeBus({0x62: chip}, clock=time, wait=time.sleep) as bus:
        air = driver("altitude = 350", bus)
        air.sleep = time.sleep
        air.setup()
    assert chip.settings[0x2427] == 350


def test_a_chip_on_a_bus_is_told_its_options():
    with FakeBus() as bus:
        assert driver("options = { pressure = 970 }", bus).pressure == 970
