"""The table of controllers, and how one process runs them.

Adding a controller is one module and one line in CONTROLLERS.

Neighbours: main.run is the process; controller.Controller is what a line of the table names.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from dromon.base.clock import Clock
from dromon.base.tasks import TaskSet
from dromon.client.events import EventRecorder
from dromon.client.rest import Client
from dromon.client.workqueue import WorkQueue, exponential
from dromon.controllers.aggregation import AggregationController
from dromon.controllers.config import ControllerManagerConfig
from dromon.controllers.controller import Context, Controller
from dromon.controllers.deployments.controller import DeploymentController
from dromon.controllers.disruption.controller import DisruptionController
from dromon.controllers.garbage.controller import GarbageCollector
from dromon.controllers.informers import Informers
from dromon.controllers.namespaces.controller import NamespaceController
from dromon.controllers.nodes.eviction import TaintEviction
from dromon.controllers.nodes.ipam import NodeIpam
from dromon.controllers.nodes.lifecycle import NodeLifecycle
from dromon.controllers.podgc import PodGarbageCollector
from dromon.controllers.replication.controller import ReplicaSetManager, ReplicationManager
from dromon.controllers.root_ca import RootCAController
from dromon.controllers.serviceaccounts import ServiceAccountsController
from dromon.controllers.services.endpoints import EndpointsController
from dromon.controllers.services.slices import SlicesController

log = logging.getLogger(__name__)

CONTROLLERS: tuple[type[Controller[Any]], ...] = (
    ReplicationManager,
    ReplicaSetManager,
    DeploymentController,
    DisruptionController,
    EndpointsController,
    SlicesController,
    NamespaceController,
    GarbageCollector,
    ServiceAccountsController,
    RootCAController,
    NodeIpam,
    NodeLifecycle,
    TaintEviction,
    PodGarbageCollector,
    AggregationController,
)
"""Every controller there is."""

SLOWEST_RETRY = 60.0
"""A key that fails again and again is tried once in so many seconds."""


def names() -> list[str]:
    """The names that --controllers takes."""
    return [c.name for c in CONTROLLERS]


def choose(wanted: Sequence[str]) -> list[type[Controller[Any]]]:
    """The controllers that run: "*" is all, "name" one, "-name" not this one (which wins).

    Raises:
        ValueError: there is no controller of such a name.
    """
    asked = [w.strip() for w in wanted if w.strip()]
    unknown = sorted({w.removeprefix("-") for w in asked} - {*names(), "*"})
    if unknown:
        raise ValueError(f"no such controller: {', '.join(unknown)}; there are {', '.join(names())}")
    off = {w[1:] for w in asked if w.startswith("-")}
    return [c for c in CONTROLLERS if c.name not in off and ("*" in asked or c.name in asked)]


def idle(controller: type[Controller[Any]], config: ControllerManagerConfig) -> str:
    """Why a chosen controller has nothing to work with by this configuration; "" where it has."""
    if controller is NodeIpam and not config.pod_cidr:
        return "no pod network is configured"
    if controller is RootCAController and not config.root_ca_file:
        return "no CA file is configured"
    return ""


class Manager:
    """Runs the chosen controllers over shared informers.

    Args:
        config, client, clock: what they work with.
        informers: shared; made here unless given.
    """

    def __init__(
        self,
        config: ControllerManagerConfig,
        client: Client,
        clock: Clock,
        informers: Informers | None = None,
    ) -> None:
        self._clock = clock
        self._client = client
        self._recorders: dict[str, EventRecorder] = {}
        self._informers = informers if informers is not None else Informers(client, clock)
        self.context = Context(
            config=config,
            client=client,
            informers=self._informers,
            recorder=self._recorder,
            queue=lambda: WorkQueue(clock, exponential(maximum=SLOWEST_RETRY)),
            clock=clock,
        )
        self.controllers: list[Controller[Any]] = []
        for make in choose(config.controllers):
            why = idle(make, config)
            if why:
                log.info("controller not started", extra={"controller": make.name, "reason": why})
            else:
                self.controllers.append(make(self.context))

    def _recorder(self, component: str) -> EventRecorder:
        if component not in self._recorders:
            self._recorders[component] = EventRecorder(self._client, component, "", self._clock)
        return self._recorders[component]

    async def run(self, ready: Callable[[], None] | None = None) -> None:
        """Run until cancelled; a controller that crashes is started again with back-off.

        Args:
            ready: called once every controller has seen the cluster's state.
        """
        async with TaskSet(self._clock) as tasks:
            self._informers.start(tasks)
            for controller in self.controllers:
                tasks.start(controller.name, controller.run, restart=True)
            try:
                await asyncio.gather(*(c.ready.wait() for c in self.controllers))
                log.info("controllers run", extra={"count": len(self.controllers)})
                if ready is not None:
                    ready()
                await tasks.wait()
            finally:
                for controller in self.controllers:
                    controller.queue.shut_down()
                await asyncio.gather(*(r.close() for r in self._recorders.values()))
