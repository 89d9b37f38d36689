"""GET /stats/summary: what the node's containers use, in the shape that upstream's summary API has.

Neighbours: app routes here, runtime measures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from dromon.api import times
from dromon.kubelet.runtime.interface import Container, Runtime, State
from dromon.kubelet.worker import PodWorker


async def summary(node_name: str, pods: Iterable[tuple[PodWorker, Runtime]]) -> dict[str, Any]:
    """Usage of every running container, by pod."""
    return {
        "node": {"nodeName": node_name},
        "pods": list(await asyncio.gather(*(_pod(worker, runtime) for worker, runtime in pods))),
    }


async def _pod(worker: PodWorker, runtime: Runtime) -> dict[str, Any]:
    meta = worker.pod.metadata
    names = [c.name for c in (*worker.pod.spec.init_containers, *worker.pod.spec.containers)]
    runs = [run for name in names for run in worker.runs(name)[:1] if run.state is State.RUNNING]
    measured = await asyncio.gather(*(_container(run, runtime, worker.now()) for run in runs))
    return {
        "podRef": {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid},
        "startTime": worker.reported.start_time,
        "containers": [c for c in measured if c],
    }


async def _container(run: Container, runtime: Runtime, now: float) -> dict[str, Any] | None:
    usage = await runtime.usage(run.id)
    if usage is None:
        return None
    moment = times.format(now)
    return {
        "name": run.name,
        "startTime": times.format(run.started_at),
        "cpu": {"time": moment, "usageCoreNanoSeconds": usage.cpu},
        "memory": {"time": moment, "workingSetBytes": usage.memory},
    }
