"""One compiled class for all pods of a template: needs are worked out once per template, not per pod.

Neighbours: model works it out, the engine compiles it, loop asks for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from msgspec import msgpack

from dromon.api.types.container import Container
from dromon.api.types.pod import Pod
from dromon.api.types.service import Service
from dromon.scheduler import model
from dromon.scheduler.engine import CompiledPod, Engine
from dromon.scheduler.inputs import Labels

CAPACITY = 4096
"""How many classes are remembered; those in use by placed pods live on in the engine regardless."""


class ClassCache:
    """Pod -> compiled class, the least recently used forgotten first.

    Args:
        engine: compiles classes.
        services: namespace -> the services there; asked only for pods without a controller.
    """

    def __init__(self, engine: Engine, services: Callable[[str], Iterable[Service]]) -> None:
        self._engine = engine
        self._services = services
        self._compiled: OrderedDict[bytes, CompiledPod] = OrderedDict()
        self._encoder = msgpack.Encoder()

    def of(self, pod: Pod) -> CompiledPod:
        """The compiled class of the pod as it is now."""
        controller = model.owner(pod)
        selected_by: Labels = ()
        if not controller:
            selected_by = model.service_selector(pod, self._services(pod.metadata.namespace))
        key = self._key(pod, controller, selected_by)
        compiled = self._compiled.get(key)
        if compiled is not None:
            self._compiled.move_to_end(key)
            return compiled
        compiled = self._engine.compile(model.pod_class(pod, selected_by))
        self._compiled[key] = compiled
        if len(self._compiled) > CAPACITY:
            self._compiled.popitem(last=False)
        return compiled

    def _key(self, pod: Pod, controller: str, selected_by: Labels) -> bytes:
        """The bytes of every field that model.pod_class reads; far cheaper than working the class out."""
        spec = pod.spec
        return self._encoder.encode(
            (
                pod.metadata.namespace,
                pod.metadata.labels,
                pod.metadata.deletion_timestamp is not None,
                controller,
                selected_by,
                spec.node_selector,
                spec.affinity,
                spec.topology_spread_constraints,
                spec.priority,
                spec.tolerations,
                spec.overhead,
                spec.resources,
                spec.host_network,
                model.disks(pod),
                [_fields(c) for c in spec.containers],
                [_fields(c) for c in spec.init_containers],
            )
        )


def _fields(container: Container) -> tuple[object, ...]:
    return (container.image, container.resources, container.ports, container.restart_policy)
