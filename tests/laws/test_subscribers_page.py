"""The page for subscribers names what there is: every topic, every reason, every request, as the code has them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema

from agent import messages
from agent.config.tables import REQUESTS
from agent.messages import schemas
from agent.outbox.recent import MOST_BYTES, MOST_SECONDS

PAGE = Path(messages.__file__).with_name("SUBSCRIBERS.md").read_text(encoding="utf-8")


def test_it_names_every_request_and_no_other() -> None:
    section = PAGE.partition("The requests are ")[2].partition(";")[0]
    assert set(re.findall(r"`(\w+)`", section)) == set(REQUESTS)


def test_its_fields_of_a_gap_and_of_the_previous_run_are_those_of_the_schemas() -> None:
    gap = re.search(r"`gap`: `\{(.*?)\}`", PAGE)
    previous = re.search(r"`info.previous`: `\{(.*?)\}`", PAGE)
    assert gap
    assert previous
    assert set(re.findall(r"\w+", gap[1])) == set(schemas.gap()["properties"])
    declared = schemas.info()["properties"]["previous"]["anyOf"][0]["properties"]
    assert set(re.findall(r"\w+", previous[1])) == set(declared)


def test_its_example_is_a_request_and_its_answer() -> None:
    asked, answered = (json.loads(one) for one in re.findall(r"^limpet/\S+/re\S+ +(\{.*\})$", PAGE, re.MULTILINE))
    jsonschema.validate(asked, schemas.request(), jsonschema.Draft202012Validator)
    jsonschema.validate(answered, schemas.response(), jsonschema.Draft202012Validator)


def test_it_says_how_much_can_be_sent_again() -> None:
    assert f"{MOST_BYTES // 2**20} MiB" in PAGE
    assert f"the last {MOST_SECONDS / 60:.0f} minutes" in PAGE
