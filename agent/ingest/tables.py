"""The tables, as data: what each database makes of them is its own business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "integer", "real", "flag", "time"]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column. `must`: it is never null."""

    name: str
    kind: Kind
    must: bool = True
    says: str = ""


@dataclass(frozen=True, slots=True)
class TableShape:
    """One table.

    Attributes:
        key: columns of the primary key; without any, rows may be the same.
        index: columns of a further index.
    """

    name: str
    says: str
    columns: tuple[TableColumn, ...]
    key: tuple[str, ...] = ()
    index: tuple[str, ...] = ()


def _may(name: str, kind: Kind, says: str = "") -> TableColumn:
    return TableColumn(name, kind, False, says)


_RUN = (TableColumn("device_id", "text"), TableColumn("boot_id", "text", says="one run of the agent"))
_BATCH = (*_RUN, TableColumn("seq", "integer"))
RUN_KEY = ("device_id", "boot_id")
BATCH_KEY = (*RUN_KEY, "seq")

BATCH = TableShape(
    "batch",
    "each batch, once",
    (
        *_BATCH,
        TableColumn("timestamp", "time", says="when its round was due, or its event happened"),
        TableColumn("clock", "text"),
        TableColumn("trigger", "text"),
        _may("interval", "real", "seconds"),
        TableColumn("degraded", "flag"),
        _may("unchanged", "text", "a JSON list of sensor.quantity"),
        TableColumn("simulated", "flag", says="nothing in it was measured"),
    ),
    key=BATCH_KEY,
)
READING = TableShape(
    "reading",
    "the readings of the batches",
    (
        *_BATCH,
        TableColumn("sensor_id", "text"),
        TableColumn("quantity", "text"),
        TableColumn("value", "real"),
        TableColumn("unit", "text"),
        TableColumn("status", "text"),
        TableColumn("timestamp", "time", says="when it was measured: its own, else that of its batch"),
        _may("age", "real", "seconds"),
        _may("reason", "text"),
        _may("source", "text"),
        _may("min", "real"),
        _may("max", "real"),
        _may("n", "integer"),
        _may("missed", "integer"),
    ),
    index=("device_id", "sensor_id", "quantity", "timestamp"),
)
FAULT = TableShape(
    "fault",
    "why a sensor, or one quantity of it, has no reading",
    (
        *_BATCH,
        TableColumn("sensor_id", "text"),
        _may("quantity", "text"),
        TableColumn("error", "text"),
        TableColumn("message", "text"),
        TableColumn("attempts", "integer"),
        TableColumn("breaker", "text"),
        _may("retry_after", "real", "seconds"),
        TableColumn("since", "time"),
    ),
    index=BATCH_KEY,
)
GAP = TableShape(
    "gap",
    "what devices have given up, as they declared it",
    (
        *_RUN,
        TableColumn("from", "integer"),
        TableColumn("to", "integer"),
        TableColumn("reason", "text"),
        TableColumn("timestamp", "time"),
    ),
    key=(*RUN_KEY, "from", "to", "reason"),
)
REJECTED = TableShape(
    "rejected",
    "what came and is none of ours; the newest of it",
    (
        TableColumn("reason", "text"),
        TableColumn("topic", "text"),
        TableColumn("payload", "text", says="its beginning"),
        TableColumn("timestamp", "time", says="when it came"),
        TableColumn("digest", "text", says="SHA-256 of topic and payload: what comes twice is here once"),
    ),
    key=("digest",),
)
RUN = TableShape(
    "run",
    "each run of each device",
    (
        *_RUN,
        TableColumn("simulated", "flag"),
        _may("first_live", "time", "when its first batch came that was not history"),
        _may("last_live", "time", "and the last one"),
        _may("last_heard", "time"),
        _may("last_seq", "integer", "its end, as the next run says"),
        _may("clean", "flag", "null until a next run has said how this one ended"),
        TableColumn("twice", "integer", says="batches that came again"),
    ),
    key=RUN_KEY,
)
LEDGER = TableShape(
    "ledger",
    "per device and run the intervals of numbers that were received and declared lost",
    (
        *_RUN,
        TableColumn("kind", "text", says="received, or declared"),
        TableColumn("from", "integer"),
        TableColumn("to", "integer"),
    ),
    key=(*RUN_KEY, "kind", "from"),
)
TABLES = (BATCH, READING, FAULT, GAP, REJECTED, RUN, LEDGER)

SQL_TYPES: dict[str, dict[Kind, str]] = {
    "sqlite": {"text": "TEXT", "integer": "INTEGER", "real": "REAL", "flag": "INTEGER", "time": "TEXT"},
    "postgresql": {
        "text": "text",
        "integer": "bigint",
        "real": "double precision",
        "flag": "boolean",
        "time": "timestamptz",
    },
}


def ddl(database: str, *, comments: bool = False) -> str:
    """Return the statements that make the tables where there are none, for "sqlite" or "postgresql"."""
    return "\n".join(statement for table in TABLES for statement in _statements(table, SQL_TYPES[database], comments))


def document() -> dict[str, Any]:
    """Return the tables as a JSON document."""
    return {
        table.name: {
            "description": table.says,
            "columns": [
                {"name": one.name, "type": one.kind, "null": not one.must, "description": one.says}
                for one in table.columns
            ],
            "key": list(table.key),
        }
        for table in TABLES
    }


def _statements(table: TableShape, types: dict[Kind, str], comments: bool) -> list[str]:
    lines = []
    for number, one in enumerate(table.columns):
        end = "," if table.key or number + 1 < len(table.columns) else ""
        said = f"  -- {one.says}" if comments and one.says else ""
        lines.append(f'    "{one.name}" {types[one.kind]}{" NOT NULL" if one.must else ""}{end}{said}')
    if table.key:
        lines.append(f"    PRIMARY KEY ({names(table.key)})")
    head = f"-- {table.says}\n" if comments else ""
    made = [head + f'CREATE TABLE IF NOT EXISTS "{table.name}" (\n' + "\n".join(lines) + "\n);"]
    if table.index:
        made.append(f'CREATE INDEX IF NOT EXISTS "{table.name}_by" ON "{table.name}" ({names(table.index)});')
    return made


def names(columns: tuple[str, ...]) -> str:
    """Return columns as SQL writes them: some are words of SQL.

    >>> names(("from", "to"))
    '"from", "to"'
    """
    return ", ".join(f'"{column}"' for column in columns)
