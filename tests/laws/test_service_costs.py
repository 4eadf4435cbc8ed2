"""The service gets no dearer unnoticed: calls, bytes and imports, against what service_costs.toml says.

Where more is worth it: `python -m tests.laws.service_costs`, and the figure is reviewed with the change.
"""

from .service_costs import costs, everything, imports, known

WORSE = 1.05
# They cost milliseconds of each start, and no service needs them before its configuration asks.
NEEDLESS = {
    "bz2", "decimal", "difflib", "email", "gpiozero", "http", "http.client", "http.server", "lzma", "nats", "psycopg",
    "serial", "shutil", "statistics", "tempfile", "urllib.request",
}  # fmt: skip


class TestTheService:
    def test_takes_no_more_calls_and_no_more_bytes_than_written_down(self):
        written = known()
        dearer = {name: (written[name], now) for name, now in costs().items() if now > WORSE * written[name]}
        assert not dearer

    def test_imports_what_is_written_down(self):
        assert imports() == known()["imports"]

    def test_imports_nothing_that_only_few_need(self):
        assert not NEEDLESS & set(everything())
