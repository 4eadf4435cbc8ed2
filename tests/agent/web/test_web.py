"""What the status page answers, to whom, and its metrics as Prometheus reads them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from whole import whole

import agent.web
from agent.acquisition.counters import ReadCounters
from agent.service.page_documents import PageDocuments
from agent.web import metrics
from agent.web.answers import Answers


class Status:
    """Status of a sensor that is there and one that is missing."""

    def health(self) -> dict:
        return {
            "degraded": True,
            "breakers": {"air": {"state": "open", "failures": 3}},
            "sensors": {"air": {"lastOk": "2026-11-23T12:00:00.500Z"}, 'ta"nk\\': {"lastOk": None}},
            "broker": {"connected": False},
            "outbox": {"waiting": 4, "bytes": 1234, "dropped": 0, "storage": "ok"},
            "clock": {"synced": True},
            "process": {"rss": 1000, "cpu": 0.5, "uptime": 7.0},
            "rounds": {"finished": 5, "late": 0, "skipped": 0},
        }

    def state(self) -> dict:
        return {
            "sensors": {
                "air": {"status": "ok", "temperature": 21.4},
                'ta"nk\\': {"status": "unavailable", "distance": None},
            }
        }

    def info(self) -> dict:
        return {
            "deviceId": "pi",
            "version": "1.2.3",
            "sensors": [
                {"id": "air", "quantities": [{"name": "temperature", "unit": "°C"}]},
                {"id": 'ta"nk\\', "quantities": [{"name": "distance", "unit": "mm"}]},
            ],
        }

    def reads(self) -> dict:
        counters = ReadCounters()
        counters.attempts = 2
        counters.succeeded(0.02)
        counters.failed(TimeoutError())
        return {"air": counters}


@pytest.fixture
def answers() -> Answers:
    return Answers(Status(), lambda: True, "127.0.0.1", ("greenhouse", "greenhouse.local"))


class TestAPath:
    @pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/icon.svg", "/metrics", "/healthz", "/?x=1"])
    def test_that_exists_is_answered(self, answers, path):
        assert answers.to("GET", path, "localhost").status == 200

    @pytest.mark.parametrize("path", ["/../pyproject.toml", "/page.py", "//", "", "*", "/health.json/", "/%2e"])
    def test_that_does_not_exist_is_not(self, answers, path):
        assert answers.to("GET", path, "localhost").status == 404

    @pytest.mark.parametrize("name", ["health", "state", "info"])
    def test_of_a_document_is_the_document(self, answers, name):
        answer = answers.to("GET", f"/{name}.json", "localhost")
        assert json.loads(answer.body) == getattr(answers.status, name)()
        assert answer.kind == "application/json"

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "PATCH", "get"])
    def test_is_only_read(self, answers, method):
        assert answers.to(method, "/", "localhost").status == 405


class TestHealthz:
    def test_is_200_while_rounds_make_progress_and_503_otherwise(self, answers):
        assert answers.to("GET", "/healthz", "localhost").status == 200
        answers.alive = lambda: False
        assert answers.to("GET", "/healthz", "localhost").status == 503


class TestAHost:
    @pytest.mark.parametrize(
        "host",
        [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "greenhouse",
            "Greenhouse.local:80",
            "localhost.",
        ],
    )
    def test_of_ours_is_answered(self, answers, host):
        assert answers.to("GET", "/health.json", host).status == 200

    @pytest.mark.parametrize(
        "host",
        ["evil.example", "localhost.evil.example", "", "127.0.0.1.evil.example", "192.168.1.7", "@localhost"],
    )
    def test_of_somebody_else_is_refused(self, answers, host):
        answer = answers.to("GET", "/health.json", host)
        assert answer.status == 403
        assert b"breakers" not in answer.body

    def test_may_be_a_number_where_we_listen_everywhere(self):
        answers = Answers(Status(), lambda: True, "0.0.0.0")
        assert answers.to("GET", "/", "192.168.1.7:8080").status == 200
        assert answers.to("GET", "/", "[fe80::1]:8080").status == 200
        assert answers.to("GET", "/", "evil.example").status == 403

    @pytest.mark.parametrize("written", ["fd00:0:0::1", "FD00::0001", "fd00::1%eth0"])
    def test_is_the_same_address_however_the_configuration_spells_it(self, written):
        answers = Answers(Status(), lambda: True, written)
        assert answers.to("GET", "/", "[fd00::1]:8080").status == 200
        assert answers.to("GET", "/", "[fd00::2]:8080").status == 403


@pytest.fixture
def scraped(runner) -> str:
    """Return the metrics of a whole agent."""

    async def scrape() -> str:
        async with whole() as home:
            documents = PageDocuments(home.agent.status, home.agent.assembly)
            answers = Answers(documents, home.agent.alive, "localhost")
            return answers.to("GET", "/metrics", "localhost").body.decode()

    return runner.run(scrape())


class TestMetrics:
    def test_can_be_read_by_prometheus(self, answers):
        text = answers.to("GET", "/metrics", "localhost").body.decode()
        samples = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert samples["limpet_value", "air", "temperature", "°C"] == 21.4
        assert samples["limpet_sensor_available", 'ta"nk\\'] == 0
        assert samples["limpet_breaker_state", "air", "open"] == 1
        assert samples["limpet_breaker_state", "air", "closed"] == 0
        assert samples["limpet_sensor_last_ok_timestamp_seconds", "air"] == 1795435200.5
        assert samples["limpet_outbox_waiting",] == 4
        assert not any(key[0] == "limpet_value" and "mm" in key for key in samples)

    def test_count_reads_their_errors_and_their_time(self, answers):
        text = answers.to("GET", "/metrics", "localhost").body.decode()
        samples = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert samples["limpet_read_attempts_total", "air"] == 2
        assert samples["limpet_read_errors_total", "TimeoutError", "air"] == 1
        assert samples["limpet_read_duration_seconds_count", "air"] == 1
        assert samples["limpet_read_duration_seconds_sum", "air"] == 0.02
        assert samples["limpet_read_duration_seconds_bucket", "0.01", "air"] == 0
        assert samples["limpet_read_duration_seconds_bucket", "0.025", "air"] == 1
        assert samples["limpet_quantity_available", "distance", 'ta"nk\\'] == 0

    def test_of_the_real_agent_can_be_read_too(self, scraped):
        names = {family.name for family in text_string_to_metric_families(scraped)}
        assert {"limpet_value", "limpet_rounds", "limpet_clock_synced", "limpet_read_duration_seconds"} <= names

    @pytest.mark.skipif(
        shutil.which("promtool") is None and not os.environ.get("CI"),
        reason="promtool is not installed (apt: prometheus)",
    )
    def test_of_the_real_agent_please_the_linter_of_prometheus(self, scraped):
        done = subprocess.run(
            ["promtool", "check", "metrics"], input=scraped, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


class TestThePage:
    FOLDER = Path(agent.web.__file__).parent

    def test_needs_nothing_from_elsewhere_and_nothing_inline(self):
        page = (self.FOLDER / "page.html").read_text()
        for forbidden in ("http://", "https://", "style=", "onclick", "<style", "<script>"):
            assert forbidden not in page

    def test_can_stand_below_a_path_of_a_reverse_proxy(self):
        for file in (self.FOLDER / "page.html", *self.FOLDER.glob("*.js")):
            assert not re.search(r"""["'`]/\w""", file.read_text())

    def test_never_takes_text_for_html(self):
        for script in self.FOLDER.glob("*.js"):
            assert "innerHTML" not in script.read_text()

    def test_serves_every_script_that_is_there(self, answers):
        for script in self.FOLDER.glob("*.js"):
            assert answers.to("GET", f"/{script.name}", "localhost").body == script.read_bytes()


def test_metrics_of_a_simulated_run_are_marked_as_such(answers):
    health, state, info = answers.status.health(), answers.status.state(), answers.status.info()
    plain = metrics.text(health, state, info, {}).splitlines()
    assert "limpet_simulated 0.0" in plain
    assert not any("simulated=" in line for line in plain)
    marked = metrics.text(health, state, {**info, "simulated": True}, {}).splitlines()
    assert "limpet_simulated 1.0" in marked
    values = [line for line in marked if line.startswith(("limpet_value{", "limpet_info{"))]
    assert values
    assert all('simulated="true"' in line for line in values)
