"""What components need before they start: certificates, tokens, kubeconfigs. Idempotent.

Users and groups are named as upstream names them ("Using RBAC Authorization", core component roles).

Neighbours: cli.up calls it; base.pki and client.kubeconfig make the files.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Sequence
from pathlib import Path

from dromon.base.pki import Authority, Pair
from dromon.cli.datadir import DataDir
from dromon.cli.settings import Settings
from dromon.cli.topology import Host
from dromon.client import kubeconfig
from dromon.client.config import ClientConfig

ADMIN = "kubernetes-admin"
MASTERS = "system:masters"


def provision(settings: Settings, directory: DataDir, host: Host, nodes: Sequence[str], now: float) -> None:
    """Make whatever is missing or no longer fits.

    Args:
        nodes: names of the real nodes; hollow ones share one identity.
        now: seconds since the epoch.
    """
    authority = Authority.ensure(directory.pki, now)
    authority.server("apiserver", common_name="kube-apiserver", names=_api_names(settings, host))
    authority.client("apiserver-kubelet-client", user="kube-apiserver-kubelet-client", groups=[MASTERS])
    clients: dict[str, tuple[str, Sequence[str]]] = {
        "scheduler": ("system:kube-scheduler", ()),
        "controller-manager": ("system:kube-controller-manager", ()),
    }
    if settings.runtime == "hollow":
        clients["hollow"] = ("system:node:hollow", ["system:nodes"])
        authority.server("hollow-server", common_name="hollow", names=["localhost", "127.0.0.1"])
    else:
        clients["proxy"] = ("system:kube-proxy", ())
        for node in nodes:
            clients[f"kubelet-{node}"] = (f"system:node:{node}", ["system:nodes"])
            names = [node, host.address, "127.0.0.1"]
            authority.server(f"kubelet-{node}-server", common_name=f"system:node:{node}", names=names)
    for component, (user, groups) in clients.items():
        pair = authority.client(component, user=user, groups=groups)
        path = directory.component_kubeconfig(component)
        _kubeconfig(path, settings, authority.ca_file, pair, user)
    admin = authority.client("admin", user=ADMIN, groups=[MASTERS])
    _kubeconfig(directory.kubeconfig, settings, authority.ca_file, admin, ADMIN)
    _tokens(directory.tokens)


def _api_names(settings: Settings, host: Host) -> list[str]:
    service = "kubernetes.default.svc.cluster.local"
    names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", service]
    addresses = ["127.0.0.1", "::1", settings.first_service_ip, host.address]
    if not settings.listens_everywhere:
        addresses.append(settings.bind)
    return [*names, host.name, *addresses]


def _kubeconfig(path: Path, settings: Settings, ca_file: Path, pair: Pair, user: str) -> None:
    config = ClientConfig(
        server=settings.server,
        ca=ca_file.read_bytes(),
        certificate=pair.certificate.read_bytes(),
        key=pair.key.read_bytes(),
    )
    kubeconfig.write(path, config, cluster="dromon", user=user)


def _tokens(path: Path) -> None:
    """One random token for the administrator, for clients that can't do certificates."""
    if path.exists():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f'{secrets.token_hex(24)},{ADMIN},{ADMIN},"{MASTERS}"\n')


def this_host(address: str) -> Host:
    """This machine; a node's name is its host name in lower case, as upstream's kubelet has it."""
    return Host(socket.gethostname().lower() or "localhost", address)
