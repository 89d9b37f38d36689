"""`dromon version`: of this program, and of the server it talks to.

Neighbours: none; a version must be had even when everything else is broken.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os

import click

from dromon.cli import datadir


@click.command()
@click.option("--client", "client_only", is_flag=True, help="Don't ask the server.")
@click.option("--kubeconfig", help="The server's.  [default: $KUBECONFIG, else ~/.dromon/kubeconfig]")
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form."
)
def command(client_only: bool, kubeconfig: str | None, output: str) -> None:
    """Show the versions of client and server."""
    versions = {"clientVersion": importlib.metadata.version("dromon")}
    if not client_only:
        path = kubeconfig or os.environ.get("KUBECONFIG", "").split(":")[0]
        versions["serverVersion"] = asyncio.run(
            _server(path or str(datadir.DataDir(datadir.DEFAULT).kubeconfig))
        )
    if output == "json":
        click.echo(json.dumps(versions))
        return
    click.echo(f"Client Version: {versions['clientVersion']}")
    if "serverVersion" in versions:
        click.echo(f"Server Version: {versions['serverVersion']}")


async def _server(kubeconfig: str) -> str:
    from dromon.client.config import ConfigError
    from dromon.client.rest import Client, ConnectionFailed

    try:
        client = Client.from_kubeconfig(kubeconfig, user_agent="dromon-version")
    except ConfigError as error:
        return f"unknown ({error})"
    try:
        answer = await client.raw("GET", "/version", timeout=5.0)
        return str(json.loads(answer.body)["gitVersion"])
    except (ConnectionFailed, ValueError, KeyError) as error:
        return f"unknown ({error})"
    finally:
        await client.close()
