"""One node: its object, its network, and one worker for each of its pods.

Start: register, wait for the pod CIDR, set the network up, keep what still runs, then let the workers go.
A pod that the API does not know and that has containers here is an orphan and is stopped.

Neighbours: main runs one agent over Docker, hollow runs many over the simulation; worker drives a pod.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable

from dromon.api.types.node import Node
from dromon.api.types.pod import Pod
from dromon.kubelet.context import NodeContext
from dromon.kubelet.network.interface import NetworkError
from dromon.kubelet.records import orphan
from dromon.kubelet.registration import Registration
from dromon.kubelet.runtime.interface import Container, PodRef, Runtime, RuntimeFailure, State
from dromon.kubelet.spec import host_ports
from dromon.kubelet.worker import PodWorker

log = logging.getLogger(__name__)

RELIST = 60.0
"""Seconds between looks at every container, for what events missed."""

REFRESH = 30.0
"""Seconds between updates of volumes that show ConfigMaps and Secrets."""

NO_CIDR = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: the node has no podCIDR yet"
)


class Agent:
    """The kubelet of one node.

    Attributes:
        not_ready: why the node can't run pods yet, "" when it can.
    """

    def __init__(self, context: NodeContext, registration: Registration) -> None:
        self.context = context
        self.registration = registration
        self.not_ready = NO_CIDR
        self._workers: dict[str, PodWorker] = {}
        self._running = False
        self._cidr = ""
        self._has_cidr = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    # What watches tell

    def node_changed(self, node: Node) -> None:
        """The API has a new state of the node."""
        self.registration.seen(node)
        if node.spec.pod_cidr and not self._cidr:
            self._cidr = node.spec.pod_cidr
            self._has_cidr.set()

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """A pod of this node appeared, changed or went away (informer handler)."""
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            worker = self._workers.get(old.metadata.uid)
            if worker is not None:
                if self._running:
                    worker.gone()
                else:
                    del self._workers[old.metadata.uid]
        if new is None:
            return
        worker = self._workers.get(new.metadata.uid)
        if worker is None:
            worker = self._add(new)
            if self._running:
                worker.trigger()
        elif self._running:
            worker.update(new)
        else:
            self._add(new)

    def runtime_changed(self, uid: str) -> None:
        """A container of the pod changed by itself; "" for: anything may have."""
        if not self._running:
            return
        if not uid:
            self._spawn(self.relist())
        elif uid in self._workers:
            self._workers[uid].trigger()

    # Lookups for the server

    def workers(self) -> Iterable[PodWorker]:
        """Every pod's worker."""
        return self._workers.values()

    def find(self, namespace: str, name: str) -> PodWorker | None:
        """The worker of a pod by name."""
        for worker in self._workers.values():
            meta = worker.pod.metadata
            if meta.name == name and meta.namespace == namespace:
                return worker
        return None

    def runtime_of(self, worker: PodWorker) -> Runtime:
        """The runtime of the pod's containers."""
        return self.context.runtime

    # Life

    async def start(self, fallback_cidr: str = "", patience: float = 0.0) -> None:
        """Get the node ready. Pods must have been given by `pod_changed` before (the first list).

        Args:
            fallback_cidr: used when the API assigns no pod CIDR within `patience` seconds (hollow nodes).
        """
        cidr = await self._await_cidr(fallback_cidr, patience)
        while True:
            try:
                await self._prepare(cidr)
                break
            except (NetworkError, RuntimeFailure) as error:
                self.not_ready = f"the node can't be set up: {error}"
                log.warning("could not set the node up", extra={"why": str(error)})
                await self._report()
                await self.context.clock.sleep(5.0)
        self._running = True
        self.not_ready = ""
        for worker in list(self._workers.values()):
            worker.trigger()
        await self._report()
        self.registration.start()
        self.context.timers.at((self, "relist"), RELIST, self._tick_relist)
        if self.context.files is not None:
            self.context.timers.at((self, "refresh"), REFRESH, self._tick_refresh)

    async def _await_cidr(self, fallback: str, patience: float) -> str:
        if fallback and not self._cidr:

            async def give_up() -> None:
                await self.context.clock.sleep(patience)
                self._has_cidr.set()

            timer = asyncio.ensure_future(give_up())
            await self._has_cidr.wait()
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)
        await self._has_cidr.wait()
        return self._cidr or fallback

    async def _prepare(self, cidr: str) -> None:
        """Network, and what already runs."""
        ctx = self.context
        await ctx.network.setup_node(cidr)
        live: dict[str, str] = {}
        for container in await ctx.runtime.list():
            if container.is_sandbox and container.state is State.RUNNING:
                live[container.pod.uid] = container.netns
            if container.pod.uid not in self._workers:
                self._adopt_orphan(container.pod)
        pods = {uid: worker.pod for uid, worker in self._workers.items()}
        live = {uid: ns for uid, ns in live.items() if not pods[uid].spec.host_network}
        ports = {uid: host_ports(pods[uid]) for uid in live if host_ports(pods[uid])}
        await ctx.network.adopt(live, ports)
        for uid, worker in self._workers.items():
            worker.adopt(ctx.network.address(uid) is not None)

    async def close(self) -> None:
        """Stop, touching no container."""
        self._running = False
        for key in ("relist", "refresh"):
            self.context.timers.cancel((self, key))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.registration.close()
        await asyncio.gather(*(w.close() for w in list(self._workers.values())))

    async def relist(self) -> None:
        """Look at everything: containers without a pod become orphans, every pod is looked at."""
        containers: list[Container] = await self.context.runtime.list()
        for container in containers:
            if container.pod.uid not in self._workers:
                self._adopt_orphan(container.pod)
        for worker in list(self._workers.values()):
            worker.trigger()
        await self.context.network.check()

    def _add(self, pod: Pod) -> PodWorker:
        worker = PodWorker(self.context, pod, self._done)
        self._workers[pod.metadata.uid] = worker
        return worker

    def _adopt_orphan(self, ref: PodRef) -> None:
        log.info("stopping containers of a pod that is gone", extra={"pod": f"{ref.namespace}/{ref.name}"})
        self._add(orphan(ref)).gone()

    def _done(self, uid: str) -> None:
        self._workers.pop(uid, None)

    async def _report(self) -> None:
        try:
            await self.registration.report()
        except Exception as error:
            log.warning("could not report the node's status", extra={"why": str(error)})

    def _tick_relist(self) -> None:
        self.context.timers.at((self, "relist"), RELIST, self._tick_relist)
        self._spawn(self.relist())

    def _tick_refresh(self) -> None:
        self.context.timers.at((self, "refresh"), REFRESH, self._tick_refresh)
        self._spawn(self._refresh())

    async def _refresh(self) -> None:
        for worker in list(self._workers.values()):
            try:
                await worker.refresh_volumes()
            except Exception as error:
                log.warning(
                    "could not refresh volumes", extra={"pod": worker.pod.metadata.name, "why": str(error)}
                )

    def _spawn(self, work: Awaitable[None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except (RuntimeFailure, NetworkError) as error:
                log.warning("could not look at everything", extra={"why": str(error)})

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
