"""What a cluster is started with: flags, else what it was started with last time, else defaults.

Neighbours: cli.up parses flags into it, cli.topology makes components of it.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping
from typing import Any

import click

from dromon.cli import simulated

RUNTIMES = ("auto", "docker", "hollow")

POD_NETWORKS = ("10.1.0.0/16", "10.16.0.0/12", "10.128.0.0/9")
"""Networks for pods, each for more nodes; the default is the first that has a /24 for every node."""


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a cluster.

    Attributes:
        runtime: "docker" or "hollow" once chosen, "auto" before.
        nodes: how many.
        store: store URL; "": SQLite in the data directory.
        bind, port: where the API listens.
        pod_cidr, service_cidr: networks of pods and portals.
        bulk: whether the API has bulk verbs.
        audit_log: file of audit events; "": none.
        hollow: more about simulated nodes, as cli.simulated reads it.
    """

    runtime: str = "auto"
    nodes: int = 1
    store: str = ""
    bind: str = "127.0.0.1"
    port: int = 6443
    pod_cidr: str = POD_NETWORKS[0]
    service_cidr: str = "10.0.0.0/16"
    bulk: bool = True
    audit_log: str = ""
    hollow: str = ""

    @property
    def server(self) -> str:
        """The API's URL as this machine's clients see it."""
        host = self.bind if not self.listens_everywhere else "::1" if self.bind == "::" else "127.0.0.1"
        return f"https://[{host}]:{self.port}" if ":" in host else f"https://{host}:{self.port}"

    @property
    def listens_everywhere(self) -> bool:
        """Whether the API listens on all of the machine's addresses."""
        return self.bind in ("0.0.0.0", "::")  # noqa: S104 - compared only

    @property
    def first_service_ip(self) -> str:
        """The address of the `kubernetes` service."""
        return str(ipaddress.ip_network(self.service_cidr).network_address + 1)


def resolve(given: Mapping[str, Any], recorded: Mapping[str, Any]) -> Settings:
    """Settings from flags that were given, over those of the last start, over defaults.

    Raises:
        click.UsageError: a value that can't be used, with what to do.
    """
    names = {field.name for field in dataclasses.fields(Settings)}
    merged = {k: v for k, v in recorded.items() if k in names}
    merged.update({k: v for k, v in given.items() if v is not None})
    settings = Settings(**merged)
    if given.get("pod_cidr") is None:
        settings = _wide_enough(settings, recorded)
    _check(settings, recorded)
    return settings


def _wide_enough(settings: Settings, recorded: Mapping[str, Any]) -> Settings:
    """The settings with a pod network that nobody asked for made wide enough for the nodes.

    Simulated nodes that have a subnet of a former network keep it; real ones route by the network.
    """
    known = recorded.get("pod_cidr")
    if known is not None and (known not in POD_NETWORKS or settings.runtime == "docker"):
        return settings
    wider = POD_NETWORKS[POD_NETWORKS.index(settings.pod_cidr) :]
    fitting = (text for text in wider if settings.nodes <= _rooms(ipaddress.ip_network(text)))
    return dataclasses.replace(settings, pod_cidr=next(fitting, wider[-1]))


def _rooms(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> int:
    """How many nodes have a /24 in the network."""
    return 1 << max(0, 24 - network.prefixlen)


def _check(settings: Settings, recorded: Mapping[str, Any]) -> None:
    if settings.nodes < 1:
        raise click.UsageError("--nodes must be at least 1")
    try:
        simulated.parse(settings.hollow)
    except ValueError as error:
        raise click.UsageError(f"--hollow: {error}") from None
    if not 0 <= settings.port <= 65535:
        raise click.UsageError("--port must be between 0 and 65535")
    networks = []
    for flag, text in (("--pod-cidr", settings.pod_cidr), ("--service-cidr", settings.service_cidr)):
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise click.UsageError(f"{flag}: {error}; write it like 10.1.0.0/16") from None
    if networks[0].version == networks[1].version and networks[0].overlaps(networks[1]):
        raise click.UsageError(
            f"--pod-cidr {networks[0]} and --service-cidr {networks[1]} overlap: choose two networks"
        )
    if networks[0].version == 4 and settings.nodes > _rooms(networks[0]):
        raise click.UsageError(
            f"--pod-cidr {networks[0]} has room for {_rooms(networks[0])} nodes "
            f"(a /24 each), not for {settings.nodes}: use a larger one"
        )
    if recorded.get("runtime") not in (None, "auto", settings.runtime) and settings.runtime != "auto":
        raise click.UsageError(
            f"this data directory was started with --runtime {recorded['runtime']}: "
            "use another --data-dir, or run dromon down --purge first"
        )
