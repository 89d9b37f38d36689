"""`dromon status`: what of a cluster runs, and how well.

Neighbours: cli.supervisor writes the state that is read here; nodes and versions come from the API.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from dromon.cli import datadir, process
from dromon.cli.datadir import DataDir, Lock, read_json

NOT_RUNNING = 3
"""Exit code when nothing runs, as systemctl has it."""

EPILOG = """\b
Exit codes: 0 all is well; 1 something is not; 3 nothing runs.
\b
Examples:
  dromon status
  dromon status -o json
"""


@dataclasses.dataclass
class ComponentStatus:
    """A component's process: uptime in seconds; health "ok", "starting" or "down"."""

    name: str
    pid: int
    uptime: float
    restarts: int
    health: str
    log: str


@dataclasses.dataclass
class ApiStatus:
    """What the API says: `health` is "ok" or what is wrong."""

    server: str
    health: str
    version: str = ""
    nodes: list[dict[str, str]] = dataclasses.field(default_factory=list)


@click.command(epilog=EPILOG)
@click.option("--data-dir", default=datadir.DEFAULT, show_default=True, help="Where the cluster lives.")
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form."
)
def command(data_dir: str, output: str) -> None:
    """Show the nodes, components, store and versions of a cluster."""
    directory = DataDir(data_dir)
    state = read_json(directory.state)
    running = Lock(directory.lock).held()
    components = [_component(directory, entry) for entry in state.get("components", [])]
    settings = read_json(directory.settings)
    if not running and not any(c.pid for c in components):
        if output == "json":
            click.echo(json.dumps({"running": False, "dataDir": str(directory.path)}))
        else:
            click.echo(f"no cluster runs in {directory.path}: start one with dromon up")
        sys.exit(NOT_RUNNING)
    api = asyncio.run(_ask(directory))
    report = {
        "running": running,
        "dataDir": str(directory.path),
        "supervisor": state.get("pid", 0) if running else 0,
        "runtime": settings.get("runtime", ""),
        "store": settings.get("store") or directory.store_url,
        "api": dataclasses.asdict(api),
        "components": [dataclasses.asdict(c) for c in components],
    }
    if output == "json":
        click.echo(json.dumps(report, indent=2))
    else:
        _print(report, components, api)
    nodes_well = all(node["status"].startswith("Ready") for node in api.nodes)
    well = running and api.health == "ok" and nodes_well and all(c.health == "ok" for c in components)
    sys.exit(0 if well else 1)


def _component(directory: DataDir, entry: dict[str, Any]) -> ComponentStatus:
    pid, started = int(entry["pid"]), int(entry["started"])
    alive = process.alive(pid, started)
    health = ("ok" if entry["ready"] else "starting") if alive else "down"
    return ComponentStatus(
        name=entry["name"],
        pid=pid if alive else 0,
        uptime=round(process.uptime(started), 1) if alive else 0.0,
        restarts=int(entry["restarts"]),
        health=health,
        log=str(directory.log(entry["name"])),
    )


async def _ask(directory: DataDir) -> ApiStatus:
    from dromon.api.errors import ApiError
    from dromon.api.kinds import NODES
    from dromon.client.config import ClientConfig, ConfigError
    from dromon.client.rest import Client, ConnectionFailed

    try:
        config = ClientConfig.load(directory.kubeconfig)
    except ConfigError as error:
        return ApiStatus("", str(error))
    status = ApiStatus(config.server, "ok")
    client = Client(config, user_agent="dromon-status")
    try:
        answer = await client.raw("GET", "/readyz", timeout=5.0)
        if answer.status != 200:
            status.health = answer.body.decode(errors="replace").strip() or f"readyz says {answer.status}"
            return status
        version = json.loads((await client.raw("GET", "/version", timeout=5.0)).body)
        status.version = str(version.get("gitVersion", ""))
        for node in (await client.list(NODES)).items:
            info = node.status.node_info if node.status else None
            status.nodes.append(
                {
                    "name": node.metadata.name,
                    "status": _node_status(node),
                    "version": info.kubelet_version if info else "",
                }
            )
    except (ApiError, ConnectionFailed, ValueError) as error:
        status.health = str(error)
    finally:
        await client.close()
    return status


def _node_status(node: Any) -> str:
    from dromon.cli.readiness import ready_condition

    condition = ready_condition(node)
    words = ["Ready" if condition and condition[0] == "True" else "NotReady"]
    if node.spec and node.spec.unschedulable:
        words.append("SchedulingDisabled")
    return ",".join(words)


def _print(report: dict[str, Any], components: Sequence[ComponentStatus], api: ApiStatus) -> None:
    supervisor = f"pid {report['supervisor']}" if report["supervisor"] else "gone; dromon up takes over"
    click.echo(f"data directory  {report['dataDir']}")
    click.echo(f"supervisor      {supervisor}")
    click.echo(f"runtime         {report['runtime']}")
    click.echo(f"store           {report['store']}")
    click.echo(f"api             {api.server} {api.health} {api.version}".rstrip())
    click.echo("")
    rows = [
        (c.name, str(c.pid or "-"), human(c.uptime) if c.pid else "-", str(c.restarts), c.health)
        for c in components
    ]
    click.echo(table(("COMPONENT", "PID", "UPTIME", "RESTARTS", "HEALTH"), rows))
    shown = api.nodes if len(api.nodes) <= 20 else [n for n in api.nodes if n["status"] != "Ready"][:20]
    ready = sum(node["status"].startswith("Ready") for node in api.nodes)
    click.echo(f"\n{ready} of {len(api.nodes)} nodes Ready")
    if shown:
        click.echo(table(("NODE", "STATUS", "VERSION"), [tuple(node.values()) for node in shown]))


def human(seconds: float) -> str:
    """A duration, as the API's tables show ages."""
    from dromon.api import times

    return times.human(seconds)


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, three blanks between them, as kubectl has it."""
    widths = [max(len(row[i]) for row in [heading, *rows]) for i in range(len(heading))]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [heading, *rows]
    )
