"""The recipe for Prometheus, with Prometheus itself: what alerts, and whether there is a metric behind every name."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from true_device import ROOT, Device, free_port, wait

RECIPE = ROOT / "deploy" / "subscribers" / "prometheus"
DASHBOARD = ROOT / "deploy" / "subscribers" / "grafana" / "dashboard.json"
SENSORS = """
[[sensor]]
id = "air"
driver = "sht4x"
every = "500ms"
[[sensor]]
id = "light"
driver = "bh1750"
every = "1s"
"""
UNPLUGGED = '[[fault]]\nat = "0s"\nsensor = "light"\nkind = "unplugged"\n'
NAME = re.compile(r"\blimpet_[a-z_]+")


def tool(name: str) -> str:
    """Return the path of a program of Debian's package `prometheus`."""
    found = shutil.which(name)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"{name} is not installed")
    return found or pytest.skip(f"{name} is not installed")


def promtool(*words: object) -> None:
    done = subprocess.run([tool("promtool"), *map(str, words)], capture_output=True, text=True, check=False, cwd=RECIPE)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def device(tmp_path):
    """A device without a broker, whose metrics are at `device.metrics`."""
    pytest.importorskip("h11")
    device, port = Device(tmp_path, free_port()), free_port()
    device.configure(SENSORS, more=f'[web]\nlisten = "127.0.0.1:{port}"\n')
    device.metrics = f"127.0.0.1:{port}"
    yield device
    device.stop()


def test_promtool_finds_nothing_wrong():
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "--lint-fatal", "alerts.yml")


def test_alerts_come_when_they_should_and_only_then():
    promtool("test", "rules", "alerts_test.yml")


def test_every_alert_is_tested():
    alerts = set(re.findall(r"- alert: (\w+)", (RECIPE / "alerts.yml").read_text()))
    tested = (RECIPE / "alerts_test.yml").read_text()
    raised = set(re.findall(r"alertname: (\w+)\n +exp_alerts", tested))
    quiet = set(re.findall(r"alertname: (\w+)}", tested))
    assert alerts == raised
    assert alerts == quiet


def test_every_metric_that_is_asked_for_is_there(device):
    device.start(UNPLUGGED)
    asked = set(NAME.findall((RECIPE / "alerts.yml").read_text())) | set(NAME.findall(DASHBOARD.read_text()))
    assert len(asked) > 10
    wait(lambda: asked <= set(NAME.findall(scraped(device))), 10)


def test_prometheus_raises_the_alerts_of_a_device_in_trouble(device, tmp_path):
    with prometheus(device, tmp_path) as ask:
        device.start(UNPLUGGED)
        expected = {
            ("LimpetBatchDegraded", None),
            ("LimpetBreakerOpen", "light"),
            ("LimpetBrokerAway", None),
            ("LimpetSensorUnavailable", "light"),
        }
        wait(lambda: expected <= alerts(ask))
        device.stop()
        wait(lambda: ("LimpetDeviceSilent", None) in alerts(ask))


def test_prometheus_answers_what_the_dashboard_asks(device, tmp_path):
    with prometheus(device, tmp_path) as ask:
        device.start(UNPLUGGED)
        for panel in json.loads(DASHBOARD.read_text())["panels"]:
            for target in panel["targets"]:
                variables = {"$device": ".+", "$quantity": "temperature", "$__rate_interval": "10s"}
                expression = re.sub(r"\$\w+", lambda found: variables[found[0]], target["expr"])  # noqa: B023
                wait(lambda: ask("query", query=expression)["result"])  # noqa: B023


@contextmanager
def prometheus(device, folder: Path) -> Iterator:
    """A Prometheus with our rules, which waits seconds where they wait minutes; yields a function that asks it."""
    configuration = (RECIPE / "prometheus.yml").read_text()
    for ours, here in (("30s", "500ms"), ("greenhouse-1.local:8080", device.metrics)):
        assert ours in configuration
        configuration = configuration.replace(ours, here)
    (folder / "prometheus.yml").write_text(configuration)
    (folder / "alerts.yml").write_text(re.sub(r"for: \d+m", "for: 1s", (RECIPE / "alerts.yml").read_text()))
    port = free_port()
    words = [tool("prometheus"), "--config.file", "prometheus.yml", "--web.listen-address", f"127.0.0.1:{port}"]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen([*words, "--storage.tsdb.path", "data"], cwd=folder, stderr=log)

    def ask(path: str, **query: str):
        url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    try:
        wait(lambda: "ready to receive" in (folder / "prometheus.log").read_text(), 30)
        yield ask
    finally:
        process.terminate()
        process.wait(20)


def alerts(ask) -> set[tuple[str, str | None]]:
    """Return what is firing: alert, and the sensor or breaker that it names."""
    return {
        (one["labels"]["alertname"], one["labels"].get("sensor") or one["labels"].get("breaker"))
        for one in ask("alerts")["alerts"]
        if one["state"] == "firing"
    }


def scraped(device) -> str:
    """Return the metrics; nothing while the device starts."""
    try:
        with urllib.request.urlopen(f"http://{device.metrics}/metrics", timeout=10) as answer:
            return answer.read().decode()
    except OSError:
        return ""
