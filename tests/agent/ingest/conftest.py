"""Real engines for the tests of ingest; each is skipped, with a reason, where it is not installed."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from pathlib import Path

import pytest
from engines import Mosquitto, Postgres, cluster, postgres_programs, until


@pytest.fixture(scope="session")
def postgres_server():
    pytest.importorskip("psycopg")
    if postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed")
    # Not below pytest's own folder, which no other user may enter.
    folder = Path(tempfile.mkdtemp(prefix="limpet-postgres-"))
    server = Postgres(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def postgres(postgres_server):
    """The URL of an empty database."""
    import psycopg

    name = f"t{uuid.uuid4().hex}"
    until(lambda: _connects(postgres_server.url), "PostgreSQL takes connections")
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres_server.url.removesuffix("postgres") + name


def _connects(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture
def mosquitto(tmp_path):
    if shutil.which("mosquitto") is None and not Path("/usr/sbin/mosquitto").exists():
        pytest.skip("mosquitto is not installed")
    broker = Mosquitto(tmp_path / "mosquitto")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def nats_server(tmp_path):
    pytest.importorskip("nats")
    if shutil.which("nats-server") is None:
        pytest.skip("nats-server is not installed")
    (server,) = cluster(tmp_path / "nats", ("127.0.0.1",))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """A database of each kind, and a function that asks it: rows as tuples."""
    if request.param == "sqlite":
        from agent.ingest.sqlite import Sqlite

        made = Sqlite(tmp_path / "data.db")
    else:
        from agent.ingest.postgres import Postgres

        url = request.getfixturevalue("postgres")
        made = Postgres(url, url)
    yield made
    made.close()


@pytest.fixture
def another(store):
    """Another worker's way into the same database."""
    made = type(store)(*([store._file] if hasattr(store, "_file") else [store._url, store._url]))
    yield made
    made.close()


@pytest.fixture
def ask(store):
    """Return a function that asks the database, as a person would."""

    def asked(statement: str) -> list[tuple]:
        store.open()
        return [tuple(row) for row in store._connection.execute(statement).fetchall()]

    return asked
