"""The commands of deploy/ha: `python -m dromon.testing.ha up | down | status | kill | start | run`.

Neighbours: cluster and scenario do what they say.
"""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
import time
from pathlib import Path

import click

from dromon.client.config import ConfigError
from dromon.client.rest import ConnectionFailed
from dromon.testing.ha.cluster import LEASE_OF, Cluster
from dromon.testing.ha.machines import Trouble
from dromon.testing.ha.plan import DEFAULT_NETWORK, Network, Spans
from dromon.testing.ha.scenario import Row, Scenario

SHORT = Spans(lease=3.0, renew=2.0, retry=0.5)

_began = time.monotonic()


def say(text: str) -> None:
    """A line of progress, with the seconds since the start."""
    click.echo(f"[{time.monotonic() - _began:6.1f}s] {text}")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path.home() / ".dromon-ha",
    envvar="DROMON_HA_DIR",
    show_default=True,
    help="Certificates, kubeconfig, data and logs.",
)
@click.option(
    "--short", is_flag=True, envvar="DROMON_HA_SHORT", help="Leader election in 3 s instead of 15 s."
)
@click.option(
    "--network",
    type=click.IntRange(1, 254),
    default=DEFAULT_NETWORK,
    envvar="DROMON_HA_NETWORK",
    show_default=True,
    help="N of the addresses 10.240.N.0/24: another one for a second cluster.",
)
@click.pass_context
def main(context: click.Context, data_dir: Path, short: bool, network: int) -> None:
    """Three etcd members, two of everything else, each on a network namespace of its own."""
    logging.basicConfig(level=logging.ERROR)
    context.obj = Cluster(data_dir.absolute(), Network(network), SHORT if short else Spans())


@main.command()
@click.pass_obj
def up(cluster: Cluster) -> None:
    """Start everything and wait until it is ready."""
    cluster.up()
    asyncio.run(cluster.ready())
    say(f"ready: export KUBECONFIG={cluster.directory / 'kubeconfig'}")


@main.command()
@click.pass_obj
def down(cluster: Cluster) -> None:
    """End everything and leave nothing but the logs."""
    cluster.down()


@main.command()
@click.pass_obj
def status(cluster: Cluster) -> None:
    """Show the machines, and who leads."""
    leaders = asyncio.run(_leaders(cluster))
    for machine in cluster.machines:
        pid = cluster.programs.running(machine)
        state = f"running ({pid})" if pid else "not running"
        click.echo(f"{machine.name:14} {machine.address:14} {state:18} {leaders.get(machine.name, '')}")


async def _leaders(cluster: Cluster) -> dict[str, str]:
    found = {await cluster.etcd_leader(): "leader"} if (cluster.directory / "pki").exists() else {}
    try:
        async with cluster.client() as client:
            for kind in LEASE_OF:
                found[await cluster.leader(client, kind)] = "leader"
    except (ConnectionFailed, ConfigError) as error:
        click.echo(f"the API does not answer: {error}", err=True)
    return found


@main.command()
@click.argument("what")
@click.pass_obj
def kill(cluster: Cluster, what: str) -> None:
    """End WHAT (a machine's name) as a power cut would."""
    cluster.kill(what)


@main.command()
@click.argument("what")
@click.pass_obj
def start(cluster: Cluster, what: str) -> None:
    """Start WHAT again with the data that it has."""
    cluster.start(what)


@main.command()
@click.option("--keep", is_flag=True, help="Leave the cluster running afterwards.")
@click.pass_obj
def run(cluster: Cluster, keep: bool) -> None:
    """Take each part away in turn and say what that did; the exit code tells whether all was well.

    It works on a new cluster: one that is up is taken down first.
    """
    cluster.down()
    before = listing(cluster)
    rows: list[Row] = []
    try:
        cluster.up()
        asyncio.run(_play(cluster, rows))
    except Trouble as error:
        rows.append(Row("stopped", str(error), "to come to the end", False))
    finally:
        if not keep:
            cluster.down()
    if not keep:
        left = [line for line in listing(cluster) if line not in before]
        rows.append(Row("all taken down", f"left over: {left or 'nothing'}", "nothing left over", not left))
    table(rows)
    sys.exit(0 if all(row.good for row in rows) else 1)


async def _play(cluster: Cluster, rows: list[Row]) -> None:
    await cluster.ready()
    say("everything is ready")
    async with cluster.client() as client:
        async for row in Scenario(cluster, client, say, timed=cluster.spans == Spans()).run():
            say(f"{'good' if row.good else 'BAD'}: {row.what}: {row.seen}")
            rows.append(row)


def table(rows: list[Row]) -> None:
    """Print what was done and measured."""
    heads = ("what was done", "what was measured", "what was asked for", "")
    lines = [heads, *((row.what, row.seen, row.asked, "good" if row.good else "BAD") for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    click.echo()
    for line in lines:
        click.echo(
            "  ".join(
                [*(f"{text:{width}}" for text, width in zip(line, widths, strict=False)), line[3]]
            ).rstrip()
        )


def listing(cluster: Cluster) -> list[str]:
    """What this machine has of the cluster: interfaces, addresses, routes, namespaces, processes."""
    commands = (
        ("ip", "-br", "link"),
        ("ip", "-br", "address"),
        ("ip", "route"),
        ("ip", "netns", "list"),
        ("ps", "-eo", "pid,args"),
    )
    network = cluster.network
    names = re.compile(
        rf"\b{network.prefix}(?=[-@\s]|$)|\b{re.escape(network.address(0)[:-1])}"
        rf"|{re.escape(str(cluster.directory))}/"
    )
    found: list[str] = []
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        found += [line for line in done.stdout.splitlines() if names.search(line) and "deploy/ha" not in line]
    return found


if __name__ == "__main__":
    try:
        main(prog_name="deploy/ha", standalone_mode=False)
    except (Trouble, ConfigError) as error:
        click.echo(f"deploy/ha: {error}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
