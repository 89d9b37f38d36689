"""pods/<name>/eviction: deletion that asks first (policy/v1 Eviction).

Source: documentation, "API-initiated Eviction".

Neighbours: dromon.apiserver.disruption asks the pod's budget; kubectl drain posts them.
"""

from __future__ import annotations

from dromon.api import errors
from dromon.api.types.pod import Pod
from dromon.api.types.policy import Eviction
from dromon.api.types.status import DeleteOptions, Preconditions, Status
from dromon.apiserver import body, disruption, reply
from dromon.apiserver.call import Call
from dromon.apiserver.registry import load
from dromon.apiserver.writes import check_name
from dromon.base.http.messages import Reply


async def create(call: Call) -> Reply:
    """POST .../eviction."""
    r, route = call.resource, call.route
    eviction = body.typed(call, Eviction, "policy/v1", "Eviction")
    if eviction.metadata.name:
        check_name(eviction.metadata.name, route.name)
    services = call.services
    current = await services.store.latest(r.key(route.namespace, route.name))
    if current is None:
        raise errors.not_found(r.plural, r.group, route.name)
    pod: Pod = load(r, current)
    options = eviction.delete_options or DeleteOptions()
    wanted = options.preconditions
    if wanted is not None and wanted.uid and wanted.uid != pod.metadata.uid:
        why = (
            f"Precondition failed: UID in precondition: {wanted.uid}, UID in object meta: {pod.metadata.uid}"
        )
        raise errors.conflict(r.plural, r.group, route.name, why)
    dry_run = call.dry_run or bool(options.dry_run)
    while_unready = await disruption.permit(services.registry, services.clock, pod, dry_run=dry_run)
    # The pod that was judged is the one that goes; one that was let go unready must not be ready by now.
    version = (
        pod.metadata.resource_version if while_unready else (wanted.resource_version if wanted else None)
    )
    options.preconditions = Preconditions(uid=pod.metadata.uid, resource_version=version)
    await services.registry.delete(r, route.namespace, route.name, options, dry_run=dry_run)
    return reply.plain(call, Status(status="Success", code=201), 201)
