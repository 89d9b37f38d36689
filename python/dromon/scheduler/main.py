"""The scheduler process: leader election, informers, the loop, and their wiring.

Neighbours: the command line runs it; loop has the behaviour.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable
from typing import Any

from dromon.api import scheme
from dromon.api.kinds import NAMESPACES, NODES, PODS, SERVICES
from dromon.api.types.pod import Pod
from dromon.base.clock import Clock, SystemClock
from dromon.client.election import elected
from dromon.client.events import EventRecorder
from dromon.client.informer import Informer
from dromon.client.rest import Client, Guard
from dromon.scheduler import budgets
from dromon.scheduler.bind import PodBinder
from dromon.scheduler.classes import ClassCache
from dromon.scheduler.conditions import ConditionWriter
from dromon.scheduler.config import SchedulerConfig
from dromon.scheduler.engine import Engine, open_engine
from dromon.scheduler.evict import VictimWriter
from dromon.scheduler.loop import Scheduler
from dromon.scheduler.slim import Slim

log = logging.getLogger(__name__)

COMPONENT = "kube-scheduler"

UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"
"""Finished pods hold nothing and want nothing; leaving this set shows as a deletion."""


async def run(
    config: SchedulerConfig,
    *,
    clock: Clock | None = None,
    ready: Callable[[], None] | None = None,
) -> None:
    """Schedule, while leading where a leader is elected, until cancelled.

    Args:
        config: see SchedulerConfig.
        clock: the system's unless a test gives its own.
        ready: called once the first decision can be made: nodes, pods and services are known. A scheduler
            that waits to lead is not ready; a term that follows another calls it again.
    """
    chosen = clock or SystemClock()

    async def term(guard: Guard | None) -> None:
        # Each term begins with nothing: what an earlier one knew may be long out of date.
        client = Client.from_kubeconfig(config.kubeconfig, user_agent="dromon-scheduler", guard=guard)
        try:
            await serve(config, client, chosen, ready)
        finally:
            await client.close()

    await elected(config, config.kubeconfig, COMPONENT, term, chosen)


async def serve(
    config: SchedulerConfig, client: Client, clock: Clock, ready: Callable[[], None] | None = None
) -> None:
    """As `run`, over a client that stays the caller's."""
    nodes = Informer(client, NODES, clock=clock)
    namespaces = Informer(client, NAMESPACES, clock=clock)
    services = Informer(
        client, SERVICES, indexes={"namespace": lambda service: (service.metadata.namespace,)}, clock=clock
    )
    pods = Informer(client, PODS, fields=UNFINISHED, clock=clock, transform=Slim())
    engine = open_engine(config.engine, secrets.randbits(64) if config.seed is None else config.seed)
    conditions = ConditionWriter(client, clock)
    victims = VictimWriter(client, config.name, clock)
    recorder = EventRecorder(client, config.name, socket.gethostname(), clock)
    scheduler = Scheduler(
        name=config.name,
        engine=engine,
        classes=ClassCache(engine, lambda namespace: services.by_index("namespace", namespace)),
        binder=PodBinder(client, clock),
        conditions=conditions,
        evictor=victims,
        recorder=recorder,
        clock=clock,
    )
    nodes.add_handler(scheduler.node_changed)
    namespaces.add_handler(scheduler.namespace_changed)
    pods.add_handler(scheduler.pod_changed)
    try:
        async with asyncio.TaskGroup() as group:
            for writer in (conditions, victims):
                group.create_task(writer.run())
            # Pods come last, so that each is classed and placed with everything else known.
            first: tuple[Informer[Any], ...] = (
                nodes,
                namespaces,
                services,
                *await _budgets(client, engine, pods, clock),
            )
            for informer in first:
                group.create_task(informer.run())
            for informer in first:
                await informer.synced()
            group.create_task(pods.run())
            await pods.synced()
            log.info("scheduling", extra={"as": config.name, "engine": config.engine, "nodes": len(nodes)})
            if ready is not None:
                ready()
            await scheduler.run(config.bind_concurrency)
    finally:
        await recorder.close()


async def _budgets(client: Client, engine: Engine, pods: Informer[Pod], clock: Clock) -> list[Informer[Any]]:
    """The informer of PodDisruptionBudgets, where this build and the server know them."""
    kind = scheme.by_plural(budgets.GROUP, budgets.VERSION, budgets.PLURAL)
    if kind is None or not await budgets.served(client):
        return []

    def uid(namespace: str, name: str) -> str | None:
        pod = pods.get(namespace, name)
        return pod.metadata.uid if pod is not None else None

    informer: Informer[Any] = Informer(client, kind, clock=clock)
    informer.add_handler(budgets.Budgets(engine, uid).changed)
    return [informer]
