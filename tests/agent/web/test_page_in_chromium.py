"""The page in a real Chromium: what a person sees of an agent whose chips are simulated and whose drivers are not."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import pytest
from paced import PacedAgent
from whole import Whole

from agent.broker import BrokerLost, Facts
from agent.cli.finding import finding
from agent.simulation.scenario import Scenario, ScenarioFault
from tests.chromium import Chromium, installed

pytestmark = pytest.mark.skipif(
    installed() is None and not os.environ.get("CI"), reason="Chromium is not installed (apt: chromium)"
)

FILE = """
[agent]
device_id = "pi"
[outbox]
durability = "memory"
[[sensor]]
id = "air"
driver = "sht4x"
[[sensor]]
id = "tank"
driver = "vl53l0x"
[[sensor]]
id = "door"
driver = "contact"
pin = 17
"""
MANY = '[agent]\ndevice_id = "pi"\n[outbox]\ndurability = "memory"\n' + "".join(
    f'[[sensor]]\nid = "s{number}"\ndriver = "sht4x"\nbus = {1 + number // 10}\n'
    f"mux = {{ address = 0x{0x70 + number % 10 // 8:02x}, channel = {number % 8} }}\n"
    for number in range(50)
)
DOUBTFUL = """
[agent]
device_id = "pi"
[outbox]
durability = "memory"
[[sensor]]
id = "air"
driver = "sht4x"
[[sensor]]
id = "hot"
driver = "sht4x"
address = 0x45
limits = { temperature = [-20, 10] }
[[sensor]]
id = "wall"
driver = "sht4x"
address = 0x46
fallback = "sensor:air"
[[sensor]]
id = "boiler"
driver = "tmp117"
fallback = "last"
"""
LONG = "a" * 64
# Names that every object of JavaScript has something under, and the longest one.
ODD = FILE.replace('"air"', '"constructor"').replace('"tank"', '"__proto__"').replace('"door"', f'"{LONG}"')
# Calls `follow` with a browser's doors stubbed, lets its wait end twice, and returns what came of it.
WITHOUT_A_WORD = """(async () => {
  const { follow } = await import("/live.js");
  const seen = [];
  let waiting = null;
  window.EventSource = class { constructor() { seen.push("listens"); } close() { seen.push("leaves"); } };
  window.setTimeout = (run) => { waiting = run; };
  window.clearTimeout = () => { waiting = null; };
  window.fetch = async () => ({ ok: true, json: async () => ({}) });
  follow(() => seen.push("hears"), () => seen.push("lost"));
  for (let turn = 0; turn < 2; turn++) {
    waiting();
    for (let step = 0; step < 9; step++) await null;
  }
  return seen;
})()"""
PHONE = (390, 844)
NUMBER = "document.querySelector('#sensor-{} .number').textContent"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with Chromium() as chromium:
        yield chromium


@contextlib.contextmanager
def _served(browser: Chromium, text: str = FILE, lived: float = 0.0, **more: Any) -> Iterator[PacedAgent]:
    """An agent whose page has left no error in the console when it is closed."""
    with PacedAgent(text, lived, **more) as home:
        yield home
        # Errors arrive with the answer to a call.
        browser.evaluate("1")
        assert browser.errors == []
        # An agent that ends while it is looked at is an error, too.
        browser.call("Page.navigate", {"url": "about:blank"})


def _play(*faults: dict[str, Any]) -> Any:
    """Return what lets these faults begin now."""

    def play(home: Whole) -> None:
        now = home.machine.elapsed()
        home.machine.play(Scenario(faults=tuple(ScenarioFault(**{"at": now, **fault}) for fault in faults)))

    return play


def _open(browser: Chromium, home: PacedAgent, *size: int) -> None:
    browser.open(home.url, *size)
    browser.wait_for("document.querySelector('#story h3')")


class TestAPage:
    def test_shows_each_value_with_the_digits_of_its_chip_and_a_door_as_a_word(self, browser):
        with _served(browser) as home:
            _open(browser, home)
            air = home.do(lambda whole: whole.agent.status.state()["sensors"]["air"])
            assert browser.evaluate(NUMBER.format("air")) == f"{air['temperature']:.2f}"
            assert browser.evaluate(NUMBER.format("tank")).isdigit()
            assert browser.evaluate(NUMBER.format("door")) in ("open", "closed")
            assert browser.text("#verdict") == "All is well"
            assert browser.text("#simulated") == "simulated, not measured"
            assert browser.evaluate("document.querySelector('#attention-section').hidden")

    def test_draws_the_last_hours(self, browser):
        with _served(browser, FILE, 4000.0) as home:
            _open(browser, home)
            line = browser.evaluate("document.querySelector('#sensor-air .line').getAttribute('d')")
            assert line.count("L") > 50
            label = browser.evaluate("document.querySelector('#sensor-air svg').getAttribute('aria-label')")
            assert label.startswith("the last 67 min: ")

    def test_shows_a_fault_when_it_comes_and_when_it_is_over(self, browser):
        with _served(browser) as home:
            _open(browser, home)
            home.do(_play({"kind": "unplugged", "sensor": "tank", "lasts": 15.0}))
            home.forward(12.0)
            browser.wait_for("document.querySelector('#verdict').textContent === 'tank is missing'")
            assert "NoAcknowledge" in browser.text("#attention")
            assert browser.evaluate(NUMBER.format("tank")) == "–"
            assert "still" in browser.text("#faults")
            home.forward(90.0)
            browser.wait_for("document.querySelector('#verdict').textContent === 'All is well'")
            assert browser.evaluate(NUMBER.format("tank")).isdigit()
            assert "still" not in browser.text("#faults")

    def test_touches_nothing_but_what_has_changed(self, browser):
        with _served(browser) as home:
            _open(browser, home)
            browser.evaluate("window.kept = document.querySelector('#sensor-air .number')")
            browser.evaluate("getSelection().selectAllChildren(document.querySelector('#sensor-door .driver'))")
            browser.evaluate("document.querySelector('footer a').focus()")
            before = browser.evaluate("window.kept.textContent")
            home.forward(60.0)
            browser.wait_for(f"window.kept.textContent !== {before!r}")
            assert browser.evaluate("window.kept.isConnected")
            assert browser.evaluate("getSelection().toString()") == "contact"
            assert browser.evaluate("document.activeElement.textContent") == "health.json"

    def test_tells_how_delivery_goes_while_the_broker_is_away(self, browser):
        with _served(browser) as home:
            _open(browser, home)

            def away(whole: Whole) -> None:
                whole.broker.refuses = BrokerLost("connection refused")
                whole.broker.cut()

            home.do(away)
            home.forward(60.0)
            browser.wait_for("document.querySelector('#verdict').textContent === 'The broker is away'")
            assert "connection refused" in browser.text("#story")
            assert "batches" in browser.text("#story")

    def test_says_which_value_is_doubtful_and_why(self, browser):
        with _served(browser, DOUBTFUL) as home:
            home.do(_play({"kind": "unplugged", "sensor": "wall"}, {"kind": "unplugged", "sensor": "boiler"}))
            home.forward(60.0)
            _open(browser, home)
            assert browser.text("#verdict") == "Works, with 3 remarks"
            assert "temperature: outside of the limits -20..10" in browser.text("#attention")
            assert "air stands in for wall" in browser.text("#attention")
            assert browser.text("#sensor-wall .tag") == "from air"
            assert browser.text("#sensor-boiler .tag").endswith(" old")
            assert browser.evaluate("document.querySelector('#sensor-hot .tag').textContent") == "suspect"

    def test_has_landmarks_and_headings_for_screen_readers(self, browser):
        with _served(browser) as home:
            _open(browser, home)
            count = "document.querySelectorAll('{}').length"
            assert [browser.evaluate(count.format(one)) for one in ("header", "main", "footer", "h1")] == [1, 1, 1, 1]
            assert browser.evaluate(count.format("#sensors h3")) == 3
            assert browser.evaluate(count.format("h1[role], h2[role], h3[role]")) == 0
            assert browser.evaluate("document.querySelector('#sensors dl').children.length") == 2

    @pytest.mark.parametrize("dark", [False, True])
    def test_fits_a_phone(self, browser, dark):
        with _served(browser) as home:
            home.do(_play({"kind": "unplugged", "sensor": "tank"}))
            home.forward(30.0)
            browser.open(home.url, *PHONE, dark=dark)
            browser.wait_for("document.querySelector('#faults tbody tr')")
            assert browser.evaluate("document.documentElement.scrollWidth") == PHONE[0]
            ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (sum(map(int, ground[4:-1].split(","))) < 200) == dark

    def test_says_so_when_the_agent_is_gone(self, browser):
        with PacedAgent(FILE) as home:
            _open(browser, home)
        browser.wait_for("document.querySelector('#verdict').textContent === 'No answer from the agent'")

    def test_shows_the_next_agent_as_soon_as_it_is_there(self, browser):
        with PacedAgent(FILE, 1300.0) as home:
            _open(browser, home)
        browser.wait_for("document.querySelector('#verdict').textContent === 'No answer from the agent'")
        # Its clock may have begun anew, as after a power cut.
        with PacedAgent(FILE.replace('"air"', '"wind"'), 60.0, port=home.port):
            browser.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
            browser.wait_for("document.querySelector('#verdict').textContent === 'All is well'")
            assert browser.evaluate("document.querySelector('#sensor-wind .line').getAttribute('d')").count("L") > 3
            assert browser.evaluate("document.querySelector('#sensor-air')") is None
            assert "min" not in browser.text("#sensors-note")

    def test_tells_what_the_broker_lacks_and_refuses(self, browser):
        def limited(whole: Whole) -> None:
            whole.broker.facts = Facts(retain_available=False, maximum_packet_size=2500)
            whole.broker.code = lambda topic, _: 0x87 if topic.endswith("/info") else 0
            whole.broker.cut()

        with _served(browser, FILE, 200.0, prepare=limited) as home:
            _open(browser, home)
            assert "packets of 2.5 kB at most" in browser.text("#story")
            assert "retains nothing" in browser.text("#story")
            assert browser.text("#verdict") == "The broker refuses limpet/pi/info"

    def test_forgets_a_sensor_that_a_reload_has_removed(self, browser):
        with _served(browser) as home:
            _open(browser, home)
            text = (
                FILE.replace('[[sensor]]\nid = "tank"\ndriver = "vl53l0x"\n', "")
                + f'[web]\nlisten = "{home.url[7:-1]}"'
            )
            home.call(lambda whole: whole.reload(text))
            browser.wait_for("!document.querySelector('#sensor-tank')")
            assert browser.evaluate("document.querySelectorAll('#sensors > li').length") == 2


class TestFiftySensors:
    def test_fit_on_two_and_a_half_screens_and_are_filtered(self, browser):
        with _served(browser, MANY) as home:
            _open(browser, home)
            assert browser.evaluate("document.querySelectorAll('#sensors > li').length") == 50
            assert browser.evaluate("document.documentElement.scrollHeight") <= 2.5 * 800
            browser.evaluate(
                "document.querySelector('#filter').value = 'i2c-2 s1';"
                "document.querySelector('#filter').dispatchEvent(new Event('input'))"
            )
            assert browser.evaluate("document.querySelectorAll('#sensors > li').length") == 10

    def test_are_one_card_where_their_bus_is_stuck(self, browser):
        with _served(browser, MANY) as home:
            home.do(_play({"kind": "stuck", "bus": "i2c-3"}))
            home.forward(60.0)
            _open(browser, home)
            assert browser.text("#verdict") == "Bus i2c-3 is stuck"
            assert browser.evaluate("document.querySelectorAll('#attention > li').length") == 1
            assert browser.evaluate("document.querySelectorAll('#sensors > li').length") == 40


def test_the_first_start_shows_what_is_connected_and_the_block_to_paste(browser):
    text = '[agent]\ndevice_id = "pi"\n[outbox]\ndurability = "memory"\n'
    with _served(browser, text, find=lambda: finding(simulate=True)) as home:
        _open(browser, home)
        browser.wait_for("!document.querySelector('#block-box').hidden")
        assert "bme280" in browser.text("#found")
        assert 'driver = "bme280"' in browser.text("#block")
        assert browser.text("#verdict") == "Runs, without a sensor"


def test_the_first_start_finds_what_was_plugged_in_when_the_page_is_loaded_again(browser, monkeypatch):
    monkeypatch.setattr("agent.service.discovery.KEPT", 0.0)
    text = '[agent]\ndevice_id = "pi"\n[outbox]\ndurability = "memory"\n'
    found = {"devices": [], "problems": ["`i2c-1` hangs"], "block": ""}
    with _served(browser, text, find=lambda: dict(found)) as home:
        _open(browser, home)
        browser.wait_for("document.querySelector('#first-problems code').textContent === 'i2c-1'")
        found |= {"problems": [], "block": "[[sensor]]"}
        _open(browser, home)
        browser.wait_for("document.querySelector('#block').textContent === '[[sensor]]'")


def test_pages_that_find_no_place_ask_now_and_then(browser, monkeypatch):
    monkeypatch.setattr("agent.web.streams.MOST", 0)
    with PacedAgent(FILE) as home:
        _open(browser, home)
        assert browser.text("#verdict") == "All is well"


class TestAPageUnderOddConditions:
    def test_tries_another_connection_when_one_ends_without_a_word(self, browser):
        with _served(browser) as home:
            # Any document of the agent, but none with a connection of its own.
            browser.open(home.url + "page.css")
            assert browser.evaluate(WITHOUT_A_WORD) == ["listens", "lost", "leaves", "hears", "listens"]

    def test_shows_sensors_whatever_their_names_are(self, browser):
        with _served(browser, ODD) as home:
            _open(browser, home)
            home.do(_play(*({"kind": "unplugged", "sensor": one} for one in ("constructor", "__proto__"))))
            home.forward(12.0)
            browser.wait_for("document.querySelector('#verdict').textContent === '2 sensors are missing'")
            assert "NoAcknowledge" in browser.text("#sensors-section") + browser.text("#attention")

    def test_keeps_long_names_within_a_phone(self, browser):
        with _served(browser, FILE.replace('"tank"', f'"{LONG}"')) as home:
            home.do(_play({"kind": "unplugged", "sensor": LONG}))
            home.forward(30.0)
            browser.open(home.url, *PHONE)
            browser.wait_for("document.querySelector('#faults tbody tr')")
            assert browser.evaluate("document.querySelector('#faults').scrollWidth") < PHONE[0]

    def test_hides_no_sensor_by_a_filter_that_is_not_there(self, browser):
        with _served(browser) as home:
            _open(browser, home)
            browser.evaluate("document.querySelector('#filter').value = 'nothing'")
            browser.evaluate("document.querySelector('#filter').dispatchEvent(new Event('input'))")
            assert browser.evaluate("document.querySelectorAll('#sensors > li').length") == 3

    def test_says_so_when_it_fails_to_show_what_is_told(self, browser):
        with _served(browser) as home:
            _open(browser, home)
            browser.evaluate("document.querySelector('#facts').remove()")
            home.forward(12.0)
            browser.wait_for("document.querySelector('#foot').textContent.includes('this page failed')")
            browser.evaluate("1")
            browser.errors.clear()
            browser.call("Page.navigate", {"url": "about:blank"})

    def test_says_where_to_look_without_javascript(self, browser):
        with _served(browser) as home:
            browser.call("Emulation.setScriptExecutionDisabled", {"value": True})
            try:
                browser.call("Page.navigate", {"url": home.url})
                # Timers of the page stand still, too.
                while not browser.evaluate(
                    "document.readyState === 'complete' && document.querySelector('h1') !== null"
                ):
                    pass
                assert browser.text("main") == "This page needs JavaScript. Without it: health.json, state.json."
                assert browser.text("h1") == "Limpet"
            finally:
                browser.call("Emulation.setScriptExecutionDisabled", {"value": False})

    def test_writes_numbers_and_names_as_people_do(self, browser):
        with _served(browser) as home:
            browser.open(home.url + "page.css")
            shown = "import('/words.js').then(({{ valueText, quantityName }}) => {})"
            assert browser.evaluate(shown.format("valueText(-0.04, { digits: 1 })")) == "0.0"
            assert browser.evaluate(shown.format("valueText(-0.06, { digits: 1 })")) == "-0.1"
            names = {"number_0_5": "number 0.5", "pm2_5": "PM2.5", "bus_voltage_1": "bus voltage 1", "a0_a1": "a0 a1"}
            for name, text in names.items():
                assert browser.evaluate(shown.format(f"quantityName('{name}')")) == text
