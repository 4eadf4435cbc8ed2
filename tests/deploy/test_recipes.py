"""The recipes for subscribers, as far as they can be judged without their programs: links, wires, names of fields."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from agent.messages import schemas

RECIPES = Path(__file__).parents[2] / "deploy" / "subscribers"
PAGES = sorted(RECIPES.rglob("README.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_recipe_is_listed():
    listed = (RECIPES / "README.md").read_text(encoding="utf-8")
    for folder in (one for one in RECIPES.iterdir() if one.is_dir() and one.name != "__pycache__"):
        assert f"`{folder.name}/" in listed, folder.name


def test_node_red_s_wires_lead_to_nodes():
    flow = json.loads((RECIPES / "node-red" / "flow.json").read_text(encoding="utf-8"))
    nodes = {node["id"] for node in flow}
    for node in flow:
        assert node.get("broker", "limpet-broker") in nodes | {"${LIMPET_BROKER}"}
        assert {one for output in node.get("wires", []) for one in output} <= nodes


def test_grafana_s_panels_are_apart():
    panels = json.loads((RECIPES / "grafana" / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for place in (panel["gridPos"] for panel in panels):
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_telegraf_asks_for_what_a_batch_has():
    settings = tomllib.loads((RECIPES / "telegraf" / "telegraf.conf").read_text(encoding="utf-8"))
    (source,) = settings["inputs"]["mqtt_consumer"]
    (parser,) = source["json_v2"]
    (readings,) = parser["object"]
    batch = schemas.batch()["properties"]
    assert {parser["timestamp_path"], parser["tag"][0]["path"], readings["path"]} <= set(batch)
    reading = batch["readings"]["items"]["properties"]
    assert {readings["timestamp_key"], *readings["tags"], *readings["fields"], *readings["included_keys"]} <= set(
        reading
    )
