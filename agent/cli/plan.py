"""`limpet plan`: what the configuration will cost, before it does."""

from __future__ import annotations

import argparse
from typing import Any

from agent import config
from agent.config.kinds import people
from agent.messages import payloads

from .commands import print_json, print_table, takes_config, takes_json, whole_number
from .fleet_sizing import fleet
from .sizing import plan_round, planned, size

HEADS = ("EVERY", "SENSORS", "READINGS", "BATCH", "ON THE WIRE", "WORST ROUND", "LIMITED BY", "")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    takes_config(parser)
    takes_json(parser)
    parser.add_argument(
        "--fleet", type=whole_number, metavar="N", help="also what broker, database and network need for N such devices"
    )
    parser.epilog = "example:\n  limpet plan -c limpet.toml\n  limpet plan --fleet 1000"


def main(args: argparse.Namespace) -> int:
    """Print the sizes; what does not fit is said there, and is no failure of this command."""
    settings = config.load(args.config)
    intervals = sorted({sensor.every for sensor in settings.sensors})
    rounds = [plan_round(settings, every) for every in intervals]
    document = planned(settings, rounds)
    if args.fleet is not None:
        document["fleet"] = fleet(settings, rounds, args.fleet)
    if args.json:
        print_json(payloads.camel(document))
    else:
        _show(document)
        if rounds and args.fleet is not None:
            _show_fleet(document["fleet"])
    return 0


def _show(plan: dict[str, Any]) -> None:
    if not plan["rounds"]:
        print("nothing to plan: there is no sensor")
        return
    print_table([HEADS, *(_row(one) for one in plan["rounds"])])
    for bus in plan["buses"]:
        fits = "fits" if bus["fits"] else f"cannot be read: it would need {bus['share']:.0%} of its time"
        share = f", {bus['share']:.1%} of its time" if bus["fits"] else ""
        count = len(bus["sensors"])
        hold = f"{count} sensors hold" if count > 1 else "1 sensor holds"
        print(f"{bus['bus']}: {hold} it for {bus['busy']:.3g} s{share}, {fits}", end="")
        print(f"; most of it {bus['limited_by']}" if count > 1 else "")
    outbox, card = plan["outbox"], plan["card_bytes_per_day"]
    time = outbox["hours_of_outage"]
    limit = size(outbox["max_size"]) if outbox["limited_by"] == "max_size" else "older batches are given up"
    print(f"""
on the wire: {size(plan["wire_bytes_per_day"])} a day, {plan["wire_bytes_per_reading"]} B a reading, \
MQTT and PUBACK included, TCP/IP not{_thrift(plan)}
outage:      {time:,.1f} hours ({time / 24:,.1f} days) fit, limited by outbox.{outbox["limited_by"]} ({limit})
history:     {outbox["hours_to_catch_up"]:,.1f} hours to deliver all of it, limited by outbox.backfill_rate
SD card:     {size(card["online"])} a day while the broker answers, {size(card["outage"])} a day of outage, \
with durability "{outbox["durability"]}\"""")


def _thrift(plan: dict[str, Any]) -> str:
    """Return the lines about deadbands and windows, as far as there are any."""
    wire = plan["wire_bytes_per_day"]
    kinds = {"at_rest": "while nothing moves out of its deadband", "sample_by_sample": "if each sample were sent"}
    sizes = {words: plan[f"wire_bytes_per_day_{name}"] for name, words in kinds.items()}
    return "".join(f"\n             {size(one)} a day {words}" for words, one in sizes.items() if one != wire)


def _show_fleet(plan: dict[str, Any]) -> None:
    broker, database, network = plan["broker"], plan["database"], plan["network"]
    print(f"""
{plan["devices"]:,} such devices:
broker:      {broker["connections"]:,} connections, {broker["batches_per_second"]:,} batches a second; keeps \
{size(broker["kept_bytes_per_hour_without_workers"])} for each hour without workers
             after ten minutes without it {broker["connects_per_second_after_an_outage"]:,} connects in the fullest \
second, all back after {broker["seconds_until_all_are_back"]} s (fewer and later by mqtt.breaker.max_reset_timeout)
workers:     {plan["workers"]} of limpet ingest
database:    {database["rows_per_second"]:,} rows a second, {size(database["bytes_per_day"])} a day; the ledger \
{size(database["ledger_bytes_per_year"])} a year, with a restart a week
network:     {network["bits_per_second_in"] / 1e6:,.2f} Mbit/s, \
{network["bits_per_second_in_a_device"] / 1e3:,.2f} kbit/s a device, with TCP/IP and pings, without TLS""")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        people(one["interval"]),
        str(len(one["sensors"])),
        str(one["readings"]),
        size(one["batch_bytes"]),
        size(one["wire_bytes"]),
        f"{one['worst_time']:.3g}s",
        one["limited_by"],
        "fits" if one["fits"] else "does not fit into its interval",
    )
