"""The cluster as a whole: bring it up, take it down, say what it does, and take parts of it away.

Neighbours: machines has the network and the programs, files the certificates, __main__ the commands.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import shutil
import signal
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from dromon.api.errors import ApiError
from dromon.api.kinds import LEASES, NODES
from dromon.api.types.node import Node
from dromon.base.http.client import HttpClient
from dromon.client.config import ClientConfig
from dromon.client.rest import Client, ConnectionFailed
from dromon.testing.ha import files, machines, plan
from dromon.testing.ha.machines import Programs, Trouble
from dromon.testing.ha.plan import Machine, Network, Spans

PATIENCE = 60.0
"""Seconds that anything may take to become as it shall be."""

LEASE_OF = {"scheduler": "kube-scheduler", "controllers": "kube-controller-manager"}


class Cluster:
    """See the module.

    Args:
        directory: of certificates, data and logs.
        network: names and addresses.
        spans: of leader election.
    """

    def __init__(self, directory: Path, network: Network, spans: Spans) -> None:
        self.directory = directory
        self.network = network
        self.spans = spans
        self.programs = Programs(directory)
        self.machines = plan.machines(network, directory, spans)

    def up(self) -> None:
        """Make what is missing and start everything; `ready` waits for it.

        Raises:
            Trouble: a tool is missing, or the network can't be made.
        """
        if os.geteuid() != 0:
            raise Trouble("network namespaces need root")
        for tool, package in (("etcd", "etcd-server"), ("ip", "iproute2"), ("unshare", "util-linux")):
            if shutil.which(tool) is None:
                raise Trouble(f"{tool} is missing (Debian package {package})")
        files.make(self.network, self.directory, time.time())
        if machines.switch_of(self.network) not in machines.namespaces():
            machines.connect(self.network, self.machines)
        for machine in self.machines:
            self.programs.start(machine)

    def down(self) -> None:
        """End everything and leave nothing on the machine but the directory's logs."""
        self.programs.stop(self.machines)
        machines.remove(self.network)
        for name in ("data", "pki", "run"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
        for path in self.directory.glob("*kubeconfig"):
            path.unlink()

    def machine(self, name: str) -> Machine:
        """A machine by its name; Trouble when there is none."""
        for machine in self.machines:
            if machine.name == name:
                return machine
        raise Trouble(f"no machine is called {name!r}; there are {', '.join(m.name for m in self.machines)}")

    def kill(self, name: str) -> None:
        """SIGKILL to the machine's program."""
        self.programs.kill(self.machine(name))

    def pause(self, name: str) -> None:
        """SIGSTOP to the machine's program."""
        self.programs.signal(self.machine(name), signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """SIGCONT to the machine's program."""
        self.programs.signal(self.machine(name), signal.SIGCONT)

    def start(self, name: str) -> None:
        """Start the machine's program again, with the data that it has."""
        self.programs.start(self.machine(name))

    @contextlib.asynccontextmanager
    async def client(self, server: str = "") -> AsyncIterator[Client]:
        """An administrator's client, of all servers or of this one alone."""
        config = ClientConfig.load(self.directory / "kubeconfig")
        if server:
            config = replace(config, server=server, others=())
        client = Client(config, user_agent="dromon-ha")
        try:
            yield client
        finally:
            await client.close()

    async def ready(self) -> None:
        """Return when both API servers answer, every node is ready and both kinds have a leader.

        Raises:
            Trouble: not in time, or a program has ended.
        """
        for server in self.network.servers():
            async with self.client(server) as client:
                await until(f"{server} is ready", functools.partial(self._answers, client))
        async with self.client() as client:
            await until("all nodes are ready", functools.partial(_nodes_ready, client))
            for kind in LEASE_OF:
                await until(f"the {kind} have a leader", functools.partial(self._led, client, kind))

    async def _led(self, client: Client, kind: str) -> bool:
        return bool(await self.leader(client, kind))

    async def _answers(self, client: Client) -> bool:
        self.check()
        return (await client.raw("GET", "/readyz", timeout=2)).status == 200

    def check(self) -> None:
        """Raise Trouble if a program is not running."""
        gone = [machine.name for machine in self.machines if not self.programs.running(machine)]
        if gone:
            raise Trouble(f"not running: {', '.join(gone)}; see {self.directory / 'logs'}")

    async def leader(self, client: Client, kind: str) -> str:
        """The machine whose program leads its kind ("scheduler", "controllers"); "" for none."""
        try:
            lease = await client.get(LEASES, LEASE_OF[kind], "kube-system")
        except ApiError as error:
            if error.code == 404:
                return ""
            raise
        return (lease.spec.holder_identity or "").partition("_")[0]

    async def etcd_leader(self) -> str:
        """The machine whose etcd leads the others; "" when none says so."""
        pki = self.directory / "pki/etcd"
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "apiserver.crt", pki / "apiserver.key")
        for machine in self.machines:
            if machine.kind != "etcd" or not self.programs.running(machine):
                continue
            http = HttpClient(machine.address, 2379, ssl_context=context)
            try:
                answer = await http.request("GET", "/metrics", timeout=5)
            except OSError:
                continue
            finally:
                await http.close()
            if b"\netcd_server_is_leader 1" in answer.body:
                return machine.name
        return ""


async def _nodes_ready(client: Client) -> bool:
    def ready(node: Node) -> bool:
        return any(c.type == "Ready" and c.status == "True" for c in node.status.conditions)

    return sum(map(ready, (await client.list(NODES)).items)) == plan.NODES


async def until(what: str, true: Callable[[], Awaitable[bool]], patience: float = PATIENCE) -> float:
    """Wait until it is so; the seconds that it took. Servers that don't answer meanwhile are asked again.

    Raises:
        Trouble: not in time.
    """
    began = time.monotonic()
    last = ""
    while time.monotonic() - began < patience:
        try:
            if await asyncio.wait_for(true(), patience):
                return time.monotonic() - began
        except (ApiError, ConnectionFailed, TimeoutError) as error:
            last = str(error)
        await asyncio.sleep(0.05)
    raise Trouble(f"not within {patience:g} s: {what}" + (f" ({last})" if last else ""))
