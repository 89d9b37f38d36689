"""Certificates and kubeconfigs of the cluster, in its directory.

Two authorities, as kubeadm has it: the API's, and etcd's own, which signs for members and API servers.

Neighbours: plan names the files, base.pki and client.kubeconfig make them.
"""

from __future__ import annotations

from pathlib import Path

from dromon.base.pki import Authority, Pair
from dromon.client import kubeconfig
from dromon.client.config import ClientConfig
from dromon.testing.ha.plan import Network

MASTERS = "system:masters"
USERS = {
    "scheduler": ("system:kube-scheduler", ()),
    "controllers": ("system:kube-controller-manager", ()),
    "nodes": ("system:node:hollow", ("system:nodes",)),
}


def make(network: Network, directory: Path, now: float) -> None:
    """Make whatever is missing.

    Args:
        network: names and addresses.
        directory: the cluster's.
        now: seconds since the epoch.
    """
    for name in ("data", "logs", "run"):
        (directory / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = Authority.ensure(directory / "pki", now)
    _etcd(network, directory, now)
    names = [*network.of("api").values(), "10.0.0.1", "kubernetes"]
    authority.server("apiserver", common_name="kube-apiserver", names=names)
    authority.client("apiserver-kubelet-client", user="kube-apiserver-kubelet-client", groups=[MASTERS])
    for name in network.addresses():
        kind = name.rpartition("-")[0]
        if kind in USERS:
            user, groups = USERS[kind]
            pair = authority.client(name, user=user, groups=groups)
            # The second of each kind prefers the second server, so that both have work.
            servers = network.servers()[:: -1 if name.endswith("-2") else 1]
            _kubeconfig(directory / f"{name}.kubeconfig", authority, pair, user, servers)
    admin = authority.client("admin", user="kubernetes-admin", groups=[MASTERS])
    _kubeconfig(directory / "kubeconfig", authority, admin, "kubernetes-admin", network.servers())


def _etcd(network: Network, directory: Path, now: float) -> None:
    authority = Authority.ensure(directory / "pki" / "etcd", now, "etcd-ca")
    for name, address in network.of("etcd").items():
        authority.peer(name, common_name=name, names=[address])
    authority.client("apiserver", user="apiserver")


def _kubeconfig(path: Path, authority: Authority, pair: Pair, user: str, servers: tuple[str, ...]) -> None:
    config = ClientConfig(
        server=servers[0],
        others=servers[1:],
        ca=authority.ca_file.read_bytes(),
        certificate=pair.certificate.read_bytes(),
        key=pair.key.read_bytes(),
    )
    kubeconfig.write(path, config, cluster="dromon-ha", user=user)
