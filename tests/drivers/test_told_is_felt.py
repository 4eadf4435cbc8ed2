"""Drivers on SPI and on serial ports tell what their fakes feel, within one step, over the whole range."""

import pytest

from drivers import catalog
from drivers.conformance.elsewhere import wired

PLACES = ("spi", "uart")
NAMES = [name for name in catalog.ours() if getattr(catalog.find(name), "bus_name", "") in PLACES]
# Of the range: its ends are beyond it for some, and 0 at all inputs looks like a dead line.
PARTS = (0.01, 0.13, 0.37, 0.5, 0.76, 0.99)


@pytest.mark.parametrize("name", NAMES)
def test_every_quantity_that_a_fake_feels_is_told_within_a_step(name):
    with wired(name) as (driver, fake):
        felt = [quantity for quantity in driver.quantities if quantity.name in fake.senses]
        assert felt
        # A MAX31865 tells the temperature of what it measures as a resistance.
        assert {quantity.name for quantity in driver.quantities} - set(fake.senses) <= {"resistance"}
        for quantity in felt:
            for part in PARTS:
                value = quantity.low + part * (quantity.high - quantity.low)
                fake.feel(**{quantity.name: value})
                # What a sensor sent just before it felt this may count once more.
                driver.read()
                told = driver.read()[quantity.name]
                assert told == pytest.approx(value, abs=1.6 * quantity.step), f"{quantity.name} at {value:g}"
            fake.feel(**{quantity.name: fake.senses[quantity.name]})
