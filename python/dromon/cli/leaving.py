"""Nodes of earlier starts that a start no longer asks for: their containers and their Node objects go.

Their names are kept in the cluster's record until both are gone, so that an interrupted start loses none.

Neighbours: cli.up calls; dromon.kubelet.cleanup removes containers; the control loops move the pods.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dromon.api.errors import ApiError
from dromon.cli.component import load
from dromon.cli.datadir import DataDir
from dromon.cli.settings import Settings, resolve
from dromon.cli.topology import Host, node_names

KEY = "leaving"
"""Where the cluster's record has their names."""


def leaving(recorded: Mapping[str, Any], settings: Settings, host: Host) -> list[str]:
    """Names of the nodes of earlier starts that `settings` has no more.

    Args:
        recorded: the record of the last start; {} for none.
    """
    if not recorded:
        return []
    wanted = set(node_names(settings, host))
    before = node_names(resolve({"runtime": settings.runtime}, recorded), host)
    return sorted({*before, *recorded.get(KEY, ())} - wanted)


def clear_host(directory: DataDir, names: Iterable[str], tell: Callable[[str], None]) -> None:
    """Remove what real nodes left on this machine: containers, networks, volumes and files."""
    for name in names:
        place = directory.nodes / name
        if not place.is_dir():
            continue
        lines: Sequence[str] = load("dromon.kubelet.cleanup:cleanup")(str(place))
        for line in lines:
            tell(line)
        if not any(line.startswith("failed") for line in lines):
            shutil.rmtree(place, ignore_errors=True)


async def delete_nodes(kubeconfig: Path, names: Iterable[str]) -> list[str]:
    """Delete the Node objects; the names of those that there were.

    Raises:
        ApiError, dromon.client.rest.ConnectionFailed: the API refused, or did not answer.
    """
    from dromon.api.kinds import NODES
    from dromon.client.rest import Client

    client = Client.from_kubeconfig(kubeconfig, user_agent="dromon-up")
    deleted = []
    try:
        for name in names:
            try:
                await client.delete(NODES, name)
                deleted.append(name)
            except ApiError as error:
                if error.code != 404:
                    raise
    finally:
        await client.close()
    return deleted
