"""Which machines there are, and what each of them runs: pure.

Neighbours: files makes the certificates that the commands name; machines runs the commands.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

API_PORT = 6443
NODES = 4
DEFAULT_NETWORK = 77

PROGRAM = (sys.executable, "-m", "dromon")


@dataclass(frozen=True, slots=True)
class Spans:
    """Leader election's, in seconds."""

    lease: float = 15.0
    renew: float = 10.0
    retry: float = 2.0


@dataclass(frozen=True, slots=True)
class Network:
    """Names and addresses, so that clusters can stand side by side.

    Attributes:
        number: third byte of all addresses.
    """

    number: int = DEFAULT_NETWORK

    @property
    def prefix(self) -> str:
        """Of the names of network namespaces, and the name of the host's interface."""
        return "dromon-ha" + ("" if self.number == DEFAULT_NETWORK else str(self.number))

    @property
    def host(self) -> str:
        """The host's address."""
        return self.address(1)

    def address(self, last: int) -> str:
        """An address by its last byte."""
        return f"10.240.{self.number}.{last}"

    def addresses(self) -> dict[str, str]:
        """Every machine's address by its name."""
        counts = {"etcd": 3, "api": 2, "scheduler": 2, "controllers": 2, "nodes": 1}
        return {
            f"{kind}-{number}": self.address(10 * row + number)
            for row, (kind, count) in enumerate(counts.items(), 1)
            for number in range(1, count + 1)
        }

    def of(self, kind: str) -> dict[str, str]:
        """The addresses of one kind's machines."""
        return {name: at for name, at in self.addresses().items() if name.startswith(kind + "-")}

    def servers(self) -> tuple[str, ...]:
        """The URLs of the API servers."""
        return tuple(f"https://{address}:{API_PORT}" for address in self.of("api").values())


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine and its only program.

    Attributes:
        name: "api-1"; also its host name.
        kind: "etcd", "api", "scheduler", "controllers" or "nodes".
        address: its own.
        namespace: the network namespace's name.
        command: what it runs.
    """

    name: str
    kind: str
    address: str
    namespace: str
    command: tuple[str, ...] = field(repr=False)


def machines(network: Network, directory: Path, spans: Spans) -> list[Machine]:
    """All machines, in the order in which they start.

    Args:
        network: names and addresses.
        directory: of the cluster: certificates, kubeconfigs, data and logs.
        spans: of leader election.
    """
    made = []
    for name, address in network.addresses().items():
        kind = name.rpartition("-")[0]
        if kind == "etcd":
            command = _etcd(network, name, address, directory)
        elif kind == "api":
            command = _api(network, address, directory)
        else:
            command = _component(kind, name, address, directory, spans)
        made.append(Machine(name, kind, address, f"{network.prefix}-{name}", command))
    return made


def _component(kind: str, name: str, address: str, directory: Path, spans: Spans) -> tuple[str, ...]:
    kubeconfig = ("--kubeconfig", str(directory / f"{name}.kubeconfig"))
    elect = (
        f"--leader-elect-lease-duration={spans.lease:g}s",
        f"--leader-elect-renew-deadline={spans.renew:g}s",
        f"--leader-elect-retry-period={spans.retry:g}s",
    )
    if kind == "scheduler":
        return (*PROGRAM, "scheduler", *kubeconfig, *elect)
    if kind == "controllers":
        root_ca = ("--root-ca-file", str(directory / "pki/ca.crt"))
        return (*PROGRAM, "controller-manager", *kubeconfig, *root_ca, *elect)
    hollow = ("--nodes", str(NODES), "--bind", address, "--node-ip", address, "--max-pods", "500")
    return (*PROGRAM, "hollow", *kubeconfig, *hollow)


def _etcd(network: Network, name: str, address: str, directory: Path) -> tuple[str, ...]:
    pki = directory / "pki/etcd"
    pair = (str(pki / f"{name}.crt"), str(pki / f"{name}.key"))
    members = ",".join(f"{member}=https://{at}:2380" for member, at in network.of("etcd").items())
    return (
        "etcd",
        f"--name={name}",
        f"--data-dir={directory / 'data' / name}",
        f"--listen-client-urls=https://{address}:2379",
        f"--advertise-client-urls=https://{address}:2379",
        f"--listen-peer-urls=https://{address}:2380",
        f"--initial-advertise-peer-urls=https://{address}:2380",
        f"--initial-cluster={members}",
        "--initial-cluster-state=new",
        f"--initial-cluster-token={network.prefix}",
        f"--cert-file={pair[0]}",
        f"--key-file={pair[1]}",
        f"--trusted-ca-file={pki / 'ca.crt'}",
        "--client-cert-auth",
        f"--peer-cert-file={pair[0]}",
        f"--peer-key-file={pair[1]}",
        f"--peer-trusted-ca-file={pki / 'ca.crt'}",
        "--peer-client-cert-auth",
        "--logger=zap",
        "--log-level=warn",
    )


def _api(network: Network, address: str, directory: Path) -> tuple[str, ...]:
    pki = directory / "pki"
    files = {
        "ca-file": str(pki / "etcd/ca.crt"),
        "cert-file": str(pki / "etcd/apiserver.crt"),
        "key-file": str(pki / "etcd/apiserver.key"),
    }
    members = ",".join(f"{at}:2379" for at in network.of("etcd").values())
    return (
        *PROGRAM,
        "apiserver",
        *("--bind", address),
        *("--port", str(API_PORT)),
        *("--advertise-address", address),
        *("--store-url", f"etcds://{members}?{urlencode(files)}"),
        *("--cert-file", str(pki / "apiserver.crt")),
        *("--key-file", str(pki / "apiserver.key")),
        *("--client-ca-file", str(pki / "ca.crt")),
        *("--ca-file", str(pki / "ca.crt")),
        *("--kubelet-client-cert-file", str(pki / "apiserver-kubelet-client.crt")),
        *("--kubelet-client-key-file", str(pki / "apiserver-kubelet-client.key")),
    )
