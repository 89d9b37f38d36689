"""pods/<name>/eviction: deletion that asks first (policy/v1 Eviction).

There are no disruption budgets yet, so an eviction is a deletion with the Eviction's options.

Neighbours: kubectl drain posts them.
"""

from __future__ import annotations

from dromon.api.types.policy import Eviction
from dromon.api.types.status import Status
from dromon.apiserver import body, reply
from dromon.apiserver.call import Call
from dromon.apiserver.writes import check_name
from dromon.base.http.messages import Reply


async def create(call: Call) -> Reply:
    """POST .../eviction."""
    r, route = call.resource, call.route
    eviction = body.typed(call, Eviction, "policy/v1", "Eviction")
    if eviction.metadata.name:
        check_name(eviction.metadata.name, route.name)
    await call.services.registry.delete(
        r, route.namespace, route.name, eviction.delete_options, dry_run=call.dry_run
    )
    return reply.plain(call, Status(status="Success", code=201), 201)
