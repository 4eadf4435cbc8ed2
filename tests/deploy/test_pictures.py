"""The pictures of `limpet watch` and `limpet demo`: they show what these show now, and load nothing from elsewhere."""

import importlib.util
import re
from html import unescape
from pathlib import Path

import pytest

from agent.config import parse

pytest.importorskip("rich")
FOLDER = Path(__file__).parents[2] / "deploy" / "pictures"


@pytest.fixture(scope="module")
def draw():
    found = importlib.util.spec_from_file_location("draw", FOLDER / "draw.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_show_what_watch_shows(draw):
    drawn = draw.pictures()
    assert {one.name for one in FOLDER.glob("*.svg")} == {*drawn, "demo.svg"}
    for name, lines in drawn.items():
        seen = text(name)
        for line in lines:
            assert line.plain.replace(" ", "") in seen, line.plain


def test_show_every_sensor_of_the_demo():
    demo = pytest.importorskip("agent.simulation.demo", exc_type=ImportError)
    seen = text("demo.svg")
    for sensor in parse(demo.CONFIG.format(host="127.0.0.1", port=1883))[0].sensors:
        assert sensor.id in seen
    assert "(simulated)" in seen
    assert "unavailable" in seen


def text(name: str) -> str:
    """Return what a picture says, without spaces."""
    svg = (FOLDER / name).read_text(encoding="utf-8")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    return "".join(unescape(one).replace("\xa0", "").replace(" ", "") for one in texts)


def test_load_nothing_from_elsewhere():
    for file in FOLDER.glob("*.svg"):
        assert set(re.findall(r'https?://[^"\')\s]+', file.read_text(encoding="utf-8"))) <= {
            "http://www.w3.org/2000/svg",
            "https://www.textualize.io",
        }
