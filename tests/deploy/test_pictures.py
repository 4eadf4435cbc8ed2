"""The pictures of `limpet watch`: they show what it shows now, and load nothing from elsewhere."""

import importlib.util
import re
from html import unescape
from pathlib import Path

import pytest

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
    assert {one.name for one in FOLDER.glob("*.svg")} == set(drawn)
    for name, lines in drawn.items():
        svg = (FOLDER / name).read_text(encoding="utf-8")
        texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
        seen = "".join(unescape(one).replace("\xa0", "").replace(" ", "") for one in texts)
        for line in lines:
            assert line.plain.replace(" ", "") in seen, line.plain


def test_load_nothing_from_elsewhere():
    for file in FOLDER.glob("*.svg"):
        assert set(re.findall(r'https?://[^"\')\s]+', file.read_text(encoding="utf-8"))) <= {
            "http://www.w3.org/2000/svg",
            "https://www.textualize.io",
        }
