"""What logs and streams need to know of a pod: which container, on which node.

Neighbours: dromon.apiserver.subresources.logs and .streaming.
"""

from __future__ import annotations

from dromon.api import codec, errors
from dromon.api.kinds import NODES
from dromon.api.types.node import Node
from dromon.api.types.pod import Pod
from dromon.apiserver.call import Call

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


async def pod_of(call: Call) -> Pod:
    """The pod that the path names, and, in the cache, its node as it is now. Raises ApiError 404."""
    r, route = call.resource, call.route
    await call.services.store.catch_up()
    value = call.services.store.get(r, route.namespace, route.name)
    if value is None:
        raise errors.not_found(r.plural, r.group, route.name)
    return codec.decode_json(Pod, value)


def node_of(call: Call, pod: Pod) -> Node:
    """The pod's node. Raises ApiError 400 before it has one, 404 when that is gone."""
    name = pod.spec.node_name
    if not name:
        raise errors.bad_request(f"pod {pod.metadata.name} does not have a host assigned")
    value = call.services.store.get(NODES, "", name)
    if value is None:
        raise errors.not_found(NODES.plural, NODES.group, name)
    return codec.decode_json(Node, value)


def container_of(pod: Pod, asked: str) -> str:
    """The container that is meant: the one asked for, the annotated default, or the only one.

    Raises:
        ApiError: 400 when it can't be told, or is not the pod's.
    """
    names = [c.name for c in pod.spec.containers]
    init = [c.name for c in pod.spec.init_containers]
    ephemeral = [c.name for c in pod.spec.ephemeral_containers]
    if not asked:
        asked = pod.metadata.annotations.get(DEFAULT_CONTAINER, "")
        if asked not in names:
            asked = names[0] if len(names) == 1 else ""
    name = pod.metadata.name
    if not asked:
        text = f"a container name must be specified for pod {name}, choose one of: {_listed(names)}"
        if init:
            text += f" or one of the init containers: {_listed(init)}"
        if ephemeral:
            text += f" or one of the ephemeral containers: {_listed(ephemeral)}"
        raise errors.bad_request(text)
    if asked not in (*names, *init, *ephemeral):
        raise errors.bad_request(f"container {asked} is not valid for pod {name}")
    return asked


def _listed(names: list[str]) -> str:
    return "[" + " ".join(names) + "]"
