"""What gpiozero, lgpio and the kernel say, said so that a person knows what to do."""

import errno
import sys
import types

import gpiozero
import pytest
from gpiozero import Device

from drivers import open_chip
from drivers.bus import gpio
from drivers.errors import AccessDenied, AdapterGone, BusError, PermanentError


class LgpioError(Exception):
    """lgpio.error, which is no OSError and prints its words in quotes."""

    def __str__(self):
        return repr(self.args[0])


@pytest.fixture
def lgpio(monkeypatch):
    module = types.ModuleType("lgpio")
    module.error = LgpioError
    monkeypatch.setitem(sys.modules, "lgpio", module)
    return module


def refusing(pins, mocker, error):
    mocker.patch.object(pins.factory, "pin", side_effect=error)


def test_a_pin_of_another_sensor_is_busy_and_the_holder_is_named(pins):
    first, second = open_chip("contact", pin=17), open_chip("motion", pin=17)
    first.read()
    with pytest.raises(PermanentError, match=r"motion: GPIO17 is busy.*InputDevice.*this program"):
        second.read()
    first.close()
    assert second.read()["state"] in (0, 1)


def test_a_line_of_another_program_is_busy_and_the_kernel_names_it(pins, mocker, lgpio):
    mocker.patch.object(gpio, "consumer", return_value="w1")
    refusing(pins, mocker, LgpioError("GPIO busy"))
    chip = open_chip("contact", pin=4)
    with pytest.raises(PermanentError, match=r"GPIO4 is busy: 'w1' holds it"):
        chip.read()


def test_a_failed_opening_does_not_keep_the_pin(pins, mocker, lgpio):
    refusing(pins, mocker, LgpioError("GPIO busy"))
    chip = open_chip("contact", pin=4)
    with pytest.raises(PermanentError, match="another program") as kept:  # an error that somebody keeps
        chip.read()
    mocker.stopall()
    assert chip.read()["state"] in (0, 1)
    assert kept.value.__cause__ is not None


def test_no_permission_names_the_group(pins, mocker):
    refusing(pins, mocker, PermissionError(errno.EACCES, "Permission denied"))
    with pytest.raises(AccessDenied, match="usermod -aG gpio"):
        open_chip("contact", pin=4).read()


def test_a_chip_that_may_not_be_opened_names_the_group(mocker, lgpio, monkeypatch):
    mocker.patch.object(gpio, "_may_open", return_value=False)
    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    mocker.patch.object(gpio, "_lgpio_factory", side_effect=LgpioError("can not open gpiochip"))
    with pytest.raises(AccessDenied, match="gpio"):
        open_chip("contact", pin=4).read()


def test_a_chip_that_is_gone_may_come_back(mocker, lgpio, monkeypatch):
    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    mocker.patch.object(gpio, "_lgpio_factory", side_effect=LgpioError("can not open gpiochip"))
    with pytest.raises(AdapterGone, match="gone"):
        open_chip("contact", pin=4).read()


@pytest.mark.parametrize(
    "error", [ImportError("No module named 'lgpio'", name="lgpio"), gpiozero.BadPinFactory("none")]
)
def test_no_backend_says_install_lgpio(mocker, monkeypatch, error):
    monkeypatch.setattr(Device, "pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    mocker.patch.object(gpio, "_import_lgpio", side_effect=error)
    with pytest.raises(PermanentError, match="install lgpio"):
        open_chip("contact", pin=4).read()


def test_a_pin_with_its_own_resistor_is_explained(pins):
    with pytest.raises(PermanentError, match="resistor on the board"):
        open_chip("motion", pin=2, pull="down").read()


def test_a_machine_that_is_no_pi_is_told_to_simulate(pins, mocker):
    refusing(pins, mocker, gpiozero.PinUnknownPi("unable to locate Pi revision"))
    with pytest.raises(PermanentError, match="--simulate"):
        open_chip("contact", pin=4).read()


def test_whatever_else_lgpio_says_may_heal(pins, mocker, lgpio):
    refusing(pins, mocker, LgpioError("unknown"))
    with pytest.raises(BusError, match="unknown"):
        open_chip("contact", pin=4).read()


def test_a_bug_stays_a_bug(pins, mocker):
    refusing(pins, mocker, TypeError("a bug"))
    with pytest.raises(TypeError, match="a bug"):
        open_chip("contact", pin=4).read()


class TestTheHeaderChip:
    def answers(self, mocker, tmp_path, labels):
        for number in labels:
            (tmp_path / f"gpiochip{number}").touch()

        def ask(node, request, argument):
            label = labels[int(node.name.removeprefix("gpiochip"))]
            argument[32 : 32 + len(label)] = label.encode()
            return argument

        mocker.patch.object(gpio, "_ask", side_effect=ask)

    def test_is_found_by_its_label_wherever_the_kernel_puts_it(self, mocker, tmp_path):
        self.answers(mocker, tmp_path, {0: "gpio-brcmstb@107d508500", 4: "pinctrl-rp1", 10: "gpio-brcmstb@107d517c00"})
        assert gpio.header_chip(str(tmp_path)) == 4

    def test_is_the_lowest_of_that_label(self, mocker, tmp_path):
        self.answers(mocker, tmp_path, {0: "pinctrl-bcm2711", 1: "raspberrypi-exp-gpio", 4: "pinctrl-bcm2711"})
        assert gpio.header_chip(str(tmp_path)) == 0

    def test_is_that_of_the_newest_board_if_two_labels_fit(self, mocker, tmp_path):
        self.answers(mocker, tmp_path, {0: "pinctrl-bcm2835", 4: "pinctrl-rp1"})
        assert gpio.header_chip(str(tmp_path)) == 4

    def test_is_none_where_nobody_knows(self, tmp_path):
        assert gpio.header_chip(str(tmp_path)) is None


def test_closing_hands_the_line_back_to_the_kernel(pins, lgpio):
    freed = []
    lgpio.gpio_free = lambda handle, number: freed.append((handle, number))
    pins.factory._handle = 7
    chip = open_chip("contact", pin=17)
    chip.read()
    chip.close()
    assert freed == [(7, 17)]
    assert chip.read()["state"] in (0, 1)
