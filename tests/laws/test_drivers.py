"""Laws for every I2C driver: what it tells, how it talks, what it says of itself. The catalogue names the subjects."""

from __future__ import annotations

import ast
import importlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import drivers
from drivers import catalog, open_chip
from drivers.conformance import telling
from drivers.conformance.bench import bench
from drivers.fakes import FakeBus, FakeTime, fake_chip

from .test_driver_faults import every_adapter, every_driver, kept

HOME = Path(drivers.__file__).parent
# Subscribers rely on these words: another one is a change of the public surface.
UNITS = "°C % hPa lx V A W Ω ppm ppb µg/m³ 1/cm³ mm m/s² rad/s Hz g/m³ kPa %/h J C"
NAMES = """
temperature humidity pressure gas_resistance illuminance co2 eco2 tvoc distance
a0 a1 a2 a3 a4 a5 a6 a7 a0_a1 a2_a3 a4_a5 a6_a7 voltage bus_voltage shunt_voltage current power charge charge_rate
ambient_temperature object_temperature reference_temperature resistance
acceleration_x acceleration_y acceleration_z rotation_x rotation_y rotation_z
state count frequency proximity uv_index uva uvb energy charge_passed
pm1 pm2_5 pm4 pm10 number_0_3 number_0_5 number_1 number_2_5 number_4 number_5 number_10
voc_index nox_index voc_raw nox_raw aqi
bus_voltage_1 bus_voltage_2 bus_voltage_3 current_1 current_2 current_3
"""
KINDS = """
temperature humidity pressure atmospheric_pressure illuminance carbon_dioxide distance voltage current power
battery energy frequency volatile_organic_compounds volatile_organic_compounds_parts
pm1 pm25 pm10 aqi
"""


@every_driver
class TestEveryDriver:
    def test_tells_what_its_fake_feels_over_the_whole_range(self, name: str) -> None:
        kept(telling.told_is_felt(name))

    def test_need_not_identify_itself_where_the_user_says_so(self, name: str) -> None:
        with bench(name) as one:
            one.driver = open_chip(name, one.bus, one.address, identity="lenient")
            one.driver.sleep = one.time.sleep
            assert not one.truth()
        with pytest.raises(ValueError, match="strict, lenient"):
            open_chip(name, None, identity="lax")

    def test_does_no_io_before_it_is_asked_to(self, name: str) -> None:
        kept(telling.quiet_until_asked(name))
        assert open_chip(name, None).name == name

    @every_adapter
    def test_writes_and_reads_once_per_transfer_and_is_never_refused(self, name: str, adapter: str) -> None:
        kept(telling.plain_transfers(name, adapter))

    def test_needs_few_transfers_and_leaves_a_chip_alone_that_is_at_work(self, name: str) -> None:
        kept(telling.few_transfers_at_rest(name))

    def test_reads_its_own_chip_beside_another_thread(self, name: str) -> None:
        time = SharedTime()
        addresses = catalog.find(name).addresses[:2]
        chips = {address: fake_chip(name) for address in addresses}
        if len(chips) == 1:
            chips[0x44] = fake_chip("sht4x")
        bus = FakeBus(chips, clock=time, wait=time.sleep)
        with bus:
            readers = [Reader(name if a in addresses else "sht4x", bus, a, time, i) for i, a in enumerate(chips)]
            time.sleep(65)
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join(10)
        for reader in readers:
            assert reader.problem is None, reader.problem
            assert reader.count == Reader.readings

    def test_says_what_it_measures(self, name: str) -> None:
        kept(telling.what_it_says_of_itself(name))
        for quantity in open_chip(name, None).quantities:
            assert quantity.name in NAMES.split()
            assert quantity.unit in {"", *UNITS.split()}
            assert quantity.kind is None or quantity.kind in KINDS.split()

    def test_names_its_datasheet(self, name: str) -> None:
        text = importlib.import_module(catalog.find(name).__module__).__doc__ or ""
        assert "source" in text.lower() or "datasheet" in text.lower()


class SharedTime(FakeTime):
    """Virtual time that two threads may move."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def sleep(self, seconds: float | None) -> None:
        with self.lock:
            super().sleep(seconds or 0.0)


class Reader(threading.Thread):
    """Reads one of two chips, whose worlds differ, many times."""

    readings = 12

    def __init__(self, name: str, bus: FakeBus, address: int, time: FakeTime, index: int) -> None:
        super().__init__(daemon=True)
        self.chip, self.driver = bus.chips[address], open_chip(name, bus, address)
        self.driver.sleep = time.sleep
        with bench(name) as one:
            self.chip.feel(**one.elsewhere(0.11 * index))
            one.chip.feel(**one.elsewhere(0.11 * index))
            self.lie = one.lie
        self.problem: str | None = None
        self.count = 0

    def run(self) -> None:
        try:
            for _ in range(self.readings):
                self.problem = self.problem or self.lie(self.driver.read()) or None
                self.count += 1
        except Exception as error:  # noqa: BLE001
            self.problem = repr(error)


MAY_IMPORT = {"__future__", "math", "struct", "enum", "dataclasses", "collections", "collections.abc", "typing"}


def imports(file: Path) -> Iterator[str]:
    """Yield the absolute names of the modules that a file imports."""
    package = ".".join(file.relative_to(HOME.parent).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            if node.module is None or module in ("drivers", "drivers.chips", "drivers.fakes"):
                yield from (f"{module}.{alias.name}" for alias in node.names)
            else:
                yield module


@pytest.mark.parametrize("file", sorted((HOME / "chips").glob("*.py")), ids=lambda file: file.stem)
def test_a_chip_imports_only_what_a_datasheet_needs(file: Path) -> None:
    allowed = MAY_IMPORT | {f"drivers.{room}" for room in ("chip", "registers", "crc", "errors")}
    assert {name for name in imports(file) if not name.startswith("drivers.chips.")} <= allowed


@pytest.mark.parametrize("file", sorted((HOME / "fakes").glob("*.py")), ids=lambda file: file.stem)
def test_a_fake_borrows_nothing_from_drivers(file: Path) -> None:
    ours = {name for name in imports(file) if name.startswith("drivers.") and not name.startswith("drivers.fakes")}
    assert ours <= {"drivers.errors"}
