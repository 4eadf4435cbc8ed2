"""Contact, motion, button: the level on the wire, and its edges."""

import pytest

from drivers import catalog, open_chip
from drivers.errors import BusError
from drivers.fakes import fake_chip


@pytest.mark.parametrize("name", ["contact", "motion", "button"])
class TestEverySwitch:
    def test_touches_nothing_before_it_is_read(self, name, pins):
        open_chip(name, pin=17)
        assert not pins.factory.pins

    @pytest.mark.parametrize("pull", ["up", "down", "none"])
    @pytest.mark.parametrize("active_low", [None, True, False])
    def test_reports_what_its_fake_feels(self, name, pins, pull, active_low):
        options = {"pull": pull, "active_low": active_low}
        fake = fake_chip(name, pin=17, options=options)
        chip = open_chip(name, pin=17, **options)
        for state in (0, 1, 0):
            fake.feel(state=state)
            assert chip.read()["state"] == state

    def test_tells_each_change_to_its_watcher(self, name, pins):
        fake, chip, told = fake_chip(name, pin=17), open_chip(name, pin=17, bounce=0), []
        chip.watch(lambda value, at: told.append(value))
        for state in (1, 0, 1):
            fake.feel(state=state)
        assert told == [1, 0, 1]
        chip.close()
        fake.feel(state=0)
        assert told == [1, 0, 1]

    def test_goes_on_telling_after_an_error(self, name, pins, mocker):
        fake, chip, told = fake_chip(name, pin=17), open_chip(name, pin=17, bounce=0), []
        chip.watch(lambda value, at: told.append(value))
        mocker.patch.object(type(pins.pin(17)), "_get_state", side_effect=OSError(5, "I/O error"))
        with pytest.raises(BusError):
            chip.read()
        mocker.stopall()
        fake.feel(state=1)  # heard or not: the next reading tells it
        assert chip.read()["state"] == 1
        assert told == [1]
        fake.feel(state=0)
        assert told == [1, 0]

    def test_tells_an_edge_that_the_kernel_lost_with_the_next_reading(self, name, pins):
        fake, chip, told = fake_chip(name, pin=17), open_chip(name, pin=17, bounce=0), []
        chip.watch(lambda value, at: told.append(value))
        pins.pin(17)._when_changed = None
        fake.feel(state=1)
        assert told == []
        chip.read()
        assert told == [1]

    def test_frees_its_pin_when_it_is_closed(self, name, pins):
        chip = open_chip(name, pin=17)
        chip.read()
        chip.close()
        chip.close()
        other = open_chip("contact", pin=17)
        assert other.read()["state"] in (0, 1)

    def test_is_read_again_after_it_was_closed(self, name, pins):
        fake, chip = fake_chip(name, pin=17, state=1), open_chip(name, pin=17)
        chip.read()
        chip.close()
        assert chip.read()["state"] == 1
        fake.feel(state=0)
        assert chip.read()["state"] == 0

    def test_raises_what_its_watcher_raised_and_works_again(self, name, pins):
        fake, chip = fake_chip(name, pin=17), open_chip(name, pin=17, bounce=0)
        chip.watch(lambda value, at: 1 / 0)
        fake.feel(state=1)
        with pytest.raises(ZeroDivisionError):
            chip.read()
        chip.watch(lambda value, at: None)
        assert chip.read()["state"] == 1

    @pytest.mark.parametrize(
        "options",
        [
            {"pin": None},
            {"pin": 99},
            {"pin": True},
            {"pin": 17, "pull": "sideways"},
            {"pin": 17, "bounce": "soon"},
            {"pin": 17, "bounce": -1},
            {"pin": 17, "active_low": "yes"},
            {"pin": 17, "max_rate": 0},
        ],
    )
    def test_refuses_a_wrong_option_when_it_is_made(self, name, options):
        with pytest.raises(ValueError, match=next(iter(options.keys() - {"pin"}), "pin")):
            open_chip(name, **options)


class TestAContact:
    def test_that_is_unplugged_reads_as_the_resistor_pulls(self, pins):
        fake, chip = fake_chip("contact", pin=17, state=1), open_chip("contact", pin=17)
        assert chip.read() == {"state": 1}
        fake.suffer("unplugged")
        assert chip.read() == {"state": 0}

    def test_understands_durations(self):
        assert open_chip("contact", pin=17, bounce="20ms").edges.quiet == 0.02
        assert open_chip("contact", pin=17, bounce="1s").edges.quiet == 1.0

    def test_caps_a_storm_and_counts_the_rest(self, pins):
        fake, chip, told = fake_chip("contact", pin=17), open_chip("contact", pin=17, bounce=0, max_rate=5), []
        chip.edges.later = lambda seconds, function: None
        chip.watch(lambda value, at: told.append(value))
        for _ in range(50):
            fake.feel(state=1)
            fake.feel(state=0)
        assert len(told) == 5
        assert chip.suppressed == 95


class TestAButton:
    def test_counts_presses_between_two_readings(self, pins):
        fake, chip = fake_chip("button", pin=17), open_chip("button", pin=17, bounce=0)
        assert chip.read() == {"state": 0, "count": 0}
        fake.press(7)
        assert chip.read() == {"state": 0, "count": 7}

    def test_keeps_its_count_over_an_error_with_a_watcher(self, pins, mocker):
        fake, chip = fake_chip("button", pin=17), open_chip("button", pin=17, bounce=0)
        chip.watch(lambda value, at: None)
        fake.press(5)
        mocker.patch.object(type(pins.pin(17)), "_get_state", side_effect=OSError(5, "I/O error"))
        with pytest.raises(BusError):
            chip.read()
        mocker.stopall()
        assert chip.read() == {"state": 0, "count": 5}

    def test_that_bounces_is_pressed_once(self, pins):
        fake, chip = fake_chip("button", pin=17), open_chip("button", pin=17, bounce="20ms")
        chip.edges.later = lambda seconds, function: None
        chip.edges.clock = lambda: 1000.0
        chip.read()
        fake.press(10)
        assert chip.edges.count == 1


def test_gpiozero_is_not_imported_by_making_a_driver():
    import subprocess
    import sys

    code = (
        "import sys; from drivers import open_chip; "
        "[open_chip(n, pin=4) for n in ('contact', 'motion', 'button', 'pulse')]; "
        "open_chip('distance', trigger=4, echo=5); open_chip('mcp3008'); sys.exit('gpiozero' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["contact", "motion", "button", "pulse", "mcp3008", "host"])
def test_what_may_rest_is_not_noisy(name):
    assert not any(quantity.noisy for quantity in catalog.find(name).quantities)
