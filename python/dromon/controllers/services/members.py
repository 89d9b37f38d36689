"""Which services a pod's change concerns, and which pods a service has, both by index.

Neighbours: endpoints and slices derive from ServiceController; indexes files selectors and labels.
"""

from __future__ import annotations

from abc import abstractmethod

from dromon.api import kinds
from dromon.api.types.service import Service
from dromon.client.informer import Informer
from dromon.controllers import indexes, views
from dromon.controllers import pods as about
from dromon.controllers.controller import Context, Controller, key_of
from dromon.controllers.services import addresses
from dromon.controllers.views import PodView

Key = tuple[str, str]


def services_of(services: Informer[Service], pod: PodView) -> set[Key]:
    """The services of the pod's namespace that select it; costs one look-up a label."""
    found = set()
    for value in indexes.pairs(pod.metadata.namespace, pod.metadata.labels):
        for service in services.by_index(indexes.SELECTOR, value):
            if about.selects(service.spec.selector, pod.metadata.labels):
                found.add(key_of(service))
    return found


def pods_of(pods: Informer[PodView], service: Service) -> list[PodView]:
    """The pods that a service selects, by name; costs the pods with its least common label."""
    namespace, selector = service.metadata.namespace, service.spec.selector
    candidates = min(
        (pods.by_index(indexes.LABEL, pair) for pair in indexes.pairs(namespace, selector)),
        key=len,
        default=[],
    )
    chosen = [p for p in candidates if about.selects(selector, p.metadata.labels)]
    return sorted(chosen, key=lambda p: p.metadata.name)


class ServiceController(Controller[Key]):
    """A loop whose key is (namespace, name) of a Service, and that follows its pods."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.services = context.informers.of(kinds.SERVICES)
        self.pods = context.informers.of(views.PODS)
        self._sizes: dict[Key, int] = {}
        self.watch(self.services, self.on_service)
        self.watch(self.pods, self.on_pod)

    def on_service(self, old: Service | None, new: Service | None) -> None:
        """A service changed: look at it."""
        obj = new or old
        if obj is not None:
            self.queue.add(key_of(obj))

    def on_pod(self, old: PodView | None, new: PodView | None) -> None:
        """A pod changed: look at the services that it was or is a member of."""
        if old is not None and new is not None and old.metadata.labels == new.metadata.labels:
            if addresses.relevant(old) == addresses.relevant(new):
                return
            old = None
        for pod in (old, new):
            if pod is not None:
                for key in services_of(self.services, pod):
                    self.enqueue_soon(key, self.patience(self._sizes.get(key, 0)))

    async def reconcile(self, key: Key) -> None:
        service = self.services.get(*key)
        if service is None:
            self._sizes.pop(key, None)
            await self.gone(key)
        elif addresses.is_ours(service) and service.metadata.deletion_timestamp is None:
            pods = pods_of(self.pods, service)
            self._sizes[key] = len(pods)
            await self.bring(service, pods)

    @abstractmethod
    async def bring(self, service: Service, pods: list[PodView]) -> None:
        """Write what the service's members make necessary."""

    @abstractmethod
    async def gone(self, key: Key) -> None:
        """The service does not exist (any more)."""
