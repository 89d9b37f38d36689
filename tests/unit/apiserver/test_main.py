"""The component's life: it says when it is ready, stops when cancelled, and says why it can't start."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dromon.apiserver.config import ApiServerConfig
from dromon.apiserver.main import run
from dromon.base.http.client import HttpClient
from dromon.store.interface import StoreError


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """The server settles the collector of its own process, which here is the tests'."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


async def test_a_life() -> None:
    port, ready = free_port(), asyncio.Event()
    task = asyncio.create_task(run(ApiServerConfig(port=port), ready=ready.set))
    await asyncio.wait_for(ready.wait(), 10)
    client = HttpClient("127.0.0.1", port)
    assert (await client.request("GET", "/readyz")).status == 200
    await client.close()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(OSError):
        await HttpClient("127.0.0.1", port).request("GET", "/readyz")


async def test_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="address already in use"):
            await run(ApiServerConfig(port=taken.getsockname()[1]))


async def test_what_else_can_be_wrong(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="supported are"):
        await run(ApiServerConfig(port=0, store_url="nothing://"))
    with pytest.raises(StoreError):
        await run(ApiServerConfig(port=0, store_url=f"sqlite://{tmp_path}/none/such/db.sqlite"))
    with pytest.raises(ValueError, match="node port range"):
        await run(ApiServerConfig(port=0, node_port_range="30000"))
    with pytest.raises(OSError):
        await run(ApiServerConfig(port=0, cert_file=f"{tmp_path}/none.crt", key_file=f"{tmp_path}/none.key"))
