"""A client that misbehaves against a real apiserver: it is refused or held, and others are served."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable

import pytest

from dromon.api.kinds import CONFIG_MAPS, LEASES
from dromon.api.types.config import ConfigMap
from dromon.api.types.coordination import Lease
from dromon.api.types.meta import ObjectMeta
from dromon.apiserver.flowcontrol.levels import MASTERS_LEVEL
from dromon.client.config import ClientConfig
from dromon.client.rest import ApiError, Client
from dromon.testing.apiserver import RunningApiServer, running_apiserver

MASTERS = ("system:masters",)
LIST = "/api/v1/configmaps"
OBJECTS, SIZE = 60, 100_000


async def stock(api: RunningApiServer) -> None:
    """Six megabytes to list."""
    for number in range(OBJECTS):
        config = {"metadata": {"name": f"c-{number}"}, "data": {"a": "x" * SIZE}}
        made = await api.request("POST", "/api/v1/namespaces/default/configmaps", config)
        assert made.status == 201


async def deaf(api: RunningApiServer, user: str, path: str) -> asyncio.StreamWriter:
    """A connection of a user that asks for something and never reads it."""
    config = ClientConfig.load(api.kubeconfig_for(user, MASTERS))
    context = config.ssl_context()
    assert isinstance(context, ssl.SSLContext)
    _, writer = await asyncio.open_connection("127.0.0.1", config.port, ssl=context, limit=1024)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: deaf\r\n\r\n".encode())
    return writer


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


async def beat(client: Client) -> None:
    """A node's heartbeat: make its Lease, or renew it."""
    meta = ObjectMeta(name="n1", namespace="kube-node-lease")
    with contextlib.suppress(ApiError):
        await client.create(LEASES, Lease(metadata=meta))
    await client.patch(LEASES, "n1", "kube-node-lease", {"spec": {"leaseTransitions": 1}}, kind="merge")


async def test_unread_lists_are_bounded_and_hold_up_nobody_else() -> None:
    async with running_apiserver() as api:
        await stock(api)
        gate = api.server.operations.gate
        level = gate.queues.levels[MASTERS_LEVEL]
        writers = [await deaf(api, "noisy", LIST) for _ in range(40)]
        await until(lambda: level.queued + level.executing + gate.held > 0 and level.answer_bytes > 0)
        await until(lambda: level.queued >= 30)
        assert level.answer_bytes <= level.answer_limit // 2 + 2 * OBJECTS * SIZE
        node = Client.from_kubeconfig(
            str(api.kubeconfig_for("system:node:n1", MASTERS)), user_agent="kubelet"
        )
        other = Client.from_kubeconfig(str(api.kubeconfig_for("alice", MASTERS)), user_agent="kubectl")
        admin = Client.from_kubeconfig(str(api.kubeconfig), user_agent="kubectl")
        calls: list[Awaitable[object]] = [beat(node), beat(node), admin.list(CONFIG_MAPS, limit=1)]
        calls += [other.list(CONFIG_MAPS, "kube-system"), admin.list(CONFIG_MAPS)]
        for call in calls:
            async with asyncio.timeout(30):
                await call
        for client in (node, other, admin):
            await client.close()
        for writer in writers:
            writer.transport.abort()
        await until(lambda: level.answer_bytes == 0 and level.queued == 0 and level.executing == 0)
        assert not level.flows


async def test_too_many_watches_of_one_user_are_refused() -> None:
    async with running_apiserver(max_watches=4) as api:
        streams = api.server.operations.streams
        writers = [await deaf(api, "noisy", f"{LIST}?watch=1") for _ in range(2)]
        await until(lambda: streams.open == 2)
        noisy = Client.from_kubeconfig(str(api.kubeconfig_for("noisy", MASTERS)))
        with pytest.raises(ApiError) as refused:
            await noisy.watch(CONFIG_MAPS)
        assert (refused.value.code, refused.value.reason) == (429, "TooManyRequests")
        assert refused.value.headers["Retry-After"] == "5"
        admin = Client.from_kubeconfig(str(api.kubeconfig))
        async with await admin.watch(CONFIG_MAPS):
            assert streams.open == 3
        for writer in writers:
            writer.transport.abort()
        await until(lambda: streams.open == 0)
        async with await noisy.watch(CONFIG_MAPS):
            pass
        await noisy.close()
        await admin.close()


async def test_creators_without_a_pause_do_not_hold_up_a_heartbeat() -> None:
    async with running_apiserver(max_requests_inflight=20) as api:
        noisy = Client.from_kubeconfig(str(api.kubeconfig_for("noisy", MASTERS)), max_connections=50)
        node = Client.from_kubeconfig(str(api.kubeconfig_for("system:node:n1", MASTERS)))
        made = 0

        async def create(number: int) -> None:
            nonlocal made
            for count in range(20):
                meta = ObjectMeta(name=f"n-{number}-{count}", namespace="default")
                await noisy.create(CONFIG_MAPS, ConfigMap(metadata=meta))
                made += 1

        creators = [asyncio.create_task(create(number)) for number in range(50)]
        await until(lambda: made > 50)
        for _ in range(5):
            await beat(node)
        assert not all(task.done() for task in creators)
        await asyncio.gather(*creators)
        assert made == 1000
        gate = api.server.operations.gate
        assert gate.counters[MASTERS_LEVEL].waited.count > 0
        assert gate.queues.queued == 0
        await noisy.close()
        await node.close()


async def test_a_client_of_ours_waits_as_it_is_told() -> None:
    """429 with Retry-After is no error for components: they send again."""
    async with running_apiserver(max_requests_inflight=20) as api:
        gate = api.server.operations.gate
        level = gate.queues.levels[MASTERS_LEVEL]
        level.queued += gate.queues.bounds.queued
        client = Client.from_kubeconfig(str(api.kubeconfig_for("alice", MASTERS)))
        asking = asyncio.create_task(client.list(CONFIG_MAPS))
        await until(lambda: gate.counters[MASTERS_LEVEL].rejected["queue-full"] >= 1)
        level.queued = 0
        assert (await asking).resource_version
        await client.close()
