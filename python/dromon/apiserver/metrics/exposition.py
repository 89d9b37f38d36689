"""Answers /metrics in the text format that was asked for (Prometheus' or OpenMetrics').

The client library takes some 50 ms to import: it is imported, in a thread, when metrics are first asked for.
Its registry is our own: nothing here is global.

Neighbours: dromon.apiserver.handler routes here; families has the figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dromon.base.http.messages import Request, Response

if TYPE_CHECKING:
    from dromon.apiserver.metrics.families import Families, Sources

PATH = "/metrics"


class Exposition:
    """See the module.

    Args:
        sources: makes what is shown; called once.
    """

    def __init__(self, sources: Callable[[], Sources]) -> None:
        self._sources = sources
        self._registry: Any = None

    async def answer(self, request: Request) -> Response:
        """The figures as they are now."""
        if self._registry is None:
            self._registry = await asyncio.to_thread(_registry, self._sources)
        from prometheus_client.exposition import choose_encoder

        encoder, content_type = choose_encoder(request.headers.get("accept"))
        return Response(200, encoder(self._registry), content_type)


def _registry(sources: Callable[[], Sources]) -> Any:
    """A registry with our figures, the process's and the interpreter's."""
    from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

    from dromon.apiserver.metrics.families import collect

    shown = sources()

    class Ours:
        def collect(self) -> Families:
            return collect(shown)

        def describe(self) -> list[Any]:
            return []

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Ours())
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
