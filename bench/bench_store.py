"""Durable writes through the cache: one after the other, and many at once (group commit).

What "durable" means stands beside each figure. Each case checks what was written. Run with

    pytest bench/bench_store.py --benchmark-enable

Neighbours: dromon.store is measured; bench_cache.py has its reads.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from dromon.api.resource import Resource
from dromon.api.types.pod import Pod
from dromon.store.cache import CachedStore
from dromon.store.interface import Put
from dromon.store.open import open_store

PODS: Resource[Pod] = Resource("", "v1", "Pod", "pods", Pod, None)
BODY = b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"},"spec":{"pad":"' + b"x" * 1_300 + b'"}}'
MODES = {"sqlite": "WAL, synchronous=FULL", "memory": "not durable"}


@pytest.fixture(params=list(MODES))
def store(request: Any, tmp_path: Path) -> Iterator[tuple[asyncio.Runner, CachedStore, str]]:
    url = f"sqlite://{tmp_path}/db" if request.param == "sqlite" else "memory://"
    with asyncio.Runner() as runner:
        cached = CachedStore(open_store(url), [PODS], {})
        runner.run(cached.start())
        yield runner, cached, MODES[request.param]
        runner.run(cached.close())


@pytest.mark.parametrize("writers", [1, 32, 500])
def test_creates(benchmark: Any, store: tuple[asyncio.Runner, CachedStore, str], writers: int) -> None:
    """1,000 creates (one writer: 100) of 1.4 KB, each answered once it is durable and can be read."""
    runner, cached, mode = store
    total = 100 if writers == 1 else 1_000
    numbers = itertools.count()

    async def write(count: int) -> None:
        for _ in range(count):
            name = str(next(numbers))
            await cached.commit([Put(PODS.key("default", name), BODY, expect=0)])
            assert cached.get(PODS, "default", name) is not None

    async def run() -> None:
        await asyncio.gather(*(write(total // writers + (i < total % writers)) for i in range(writers)))

    def once(coroutine: Coroutine[Any, Any, None]) -> None:
        runner.run(coroutine)

    rounds = 3
    benchmark.pedantic(lambda: once(run()), rounds=rounds)
    written = next(numbers)
    assert written % total == 0
    assert cached.count(PODS) == written
    benchmark.extra_info["durability"] = mode
    if benchmark.stats:
        benchmark.extra_info["writes_per_second"] = round(total / benchmark.stats.stats.median)
