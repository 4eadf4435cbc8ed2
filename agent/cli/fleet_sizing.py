"""What broker, database and network need for many devices of one configuration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from agent import config

from .reconnecting import JITTER, most_connects
from .sizing import DAY, Round

# Bytes of a row in PostgreSQL 15 with its indexes, as counted in tables of 40,000 readings and of 52,000 runs.
BATCH_ROW, READING_ROW, RUN_ROWS = 270, 152, 470
# Batches a second that one worker stores, of ten readings: measured 2,400 into SQLite and 5,400 into PostgreSQL, on two
# shared cores. Half of the lesser one leaves it time to catch up.
WORKER = 1200.0
RESTARTS = 52  # runs of a device in a year
# MQTT over TCP and IPv4: the headers of a PUBLISH's and a PUBACK's packets, without TLS.
HEADERS = 2 * 40
PINGS = 2 * (2 + 40)  # bytes of a ping and its answer


def fleet(settings: config.Config, rounds: Sequence[Round], devices: int) -> dict[str, Any]:
    """Return the needs of `devices` devices. Bytes; per second, day or year where it says so."""
    batches = devices * sum(1 / one.interval for one in rounds)
    readings = devices * sum(one.readings / one.interval for one in rounds)
    payload = devices * sum(one.batch_bytes / one.interval for one in rounds)
    wire = devices * sum((one.wire_bytes + HEADERS) / one.interval for one in rounds)
    breaker = settings.mqtt.breaker
    longest = breaker.max_reset_timeout
    return {
        "devices": devices,
        "broker": {
            "connections": devices,
            "batches_per_second": round(batches, 1),
            "kept_bytes_per_hour_without_workers": round(payload * 3600),
            "connects_per_second_after_an_outage": most_connects(
                devices, breaker.reset_timeout, longest, breaker.multiplier
            ),
            "seconds_until_all_are_back": round(longest * (1 + JITTER)),
        },
        "workers": max(1, math.ceil(batches / WORKER)),
        "database": {
            "rows_per_second": round(batches + readings, 1),
            "bytes_per_day": round(DAY * (batches * BATCH_ROW + readings * READING_ROW)),
            "ledger_bytes_per_year": devices * RESTARTS * RUN_ROWS,
        },
        "network": {
            "bits_per_second_in": round(8 * (wire + devices * PINGS / settings.mqtt.keepalive)),
            "bits_per_second_in_a_device": round(8 * (wire / devices + PINGS / settings.mqtt.keepalive)),
        },
    }
