"""namespaces/<name>/finalize: the only way to change a namespace's spec.finalizers.

The namespace goes when it is being deleted and the last of them is taken off.

Neighbours: the namespace controller puts here when the namespace is empty.
"""

from __future__ import annotations

from typing import Any

from dromon.apiserver import body, reply
from dromon.apiserver.call import Call
from dromon.apiserver.registry import Mode
from dromon.apiserver.writes import check_name
from dromon.base.http.messages import Reply


async def update(call: Call) -> Reply:
    """PUT .../finalize."""
    r, route = call.resource, call.route
    wanted = body.typed(call, r.struct, r.api_version, r.kind)
    check_name(wanted.metadata.name, route.name)

    def change(old: Any) -> Any:
        if wanted.metadata.resource_version:
            old.metadata.resource_version = wanted.metadata.resource_version
        old.metadata.uid = wanted.metadata.uid or old.metadata.uid
        old.spec.finalizers = list(wanted.spec.finalizers)
        return old

    result = await call.services.registry.update(
        r, "", route.name, change, mode=Mode.OWN, subresource="finalize", dry_run=call.dry_run
    )
    return reply.stored(call, r, result)
