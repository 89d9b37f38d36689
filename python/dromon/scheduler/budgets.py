"""PodDisruptionBudgets as preemption respects them, where the server has any.

Neighbours: main starts an informer for them when both this build and the server know the kind; the engine is
told by set_budgets.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from dromon.api.errors import ApiError
from dromon.api.types.policy import PodDisruptionBudget
from dromon.client.rest import Client, ConnectionFailed
from dromon.scheduler.engine import Engine
from dromon.scheduler.inputs import Budget
from dromon.scheduler.pod_terms import selector

GROUP, VERSION, PLURAL = "policy", "v1", "poddisruptionbudgets"


async def served(client: Client) -> bool:
    """Whether the server's discovery has the kind (False too while it can't be asked)."""
    try:
        answer = await client.raw("GET", f"/apis/{GROUP}/{VERSION}")
    except (ApiError, ConnectionFailed):
        return False
    try:
        found = msgspec.json.decode(answer.body, type=_Discovered)
    except msgspec.MsgspecError:
        return False
    return any(resource.name == PLURAL for resource in found.resources)


class _Named(msgspec.Struct):
    name: str


class _Discovered(msgspec.Struct):
    resources: list[_Named] = []


class Budgets:
    """Tells the engine of every change.

    Args:
        engine: the scheduler's.
        uid: of the pod with this namespace and name, None when there is none.
    """

    def __init__(self, engine: Engine, uid: Callable[[str, str], str | None]) -> None:
        self._engine = engine
        self._uid = uid
        self._budgets: dict[tuple[str, str], Budget] = {}

    def changed(self, old: PodDisruptionBudget | None, new: PodDisruptionBudget | None) -> None:
        """A budget was added, changed or deleted: handler of an informer."""
        if old is not None:
            self._budgets.pop((old.metadata.namespace, old.metadata.name), None)
        if new is not None:
            self._budgets[new.metadata.namespace, new.metadata.name] = self._budget(new)
        self._engine.set_budgets(list(self._budgets.values()))

    def _budget(self, found: PodDisruptionBudget) -> Budget:
        namespace = found.metadata.namespace
        disrupted = (self._uid(namespace, name) for name in found.status.disrupted_pods)
        return Budget(
            namespace=namespace,
            selector=selector(found.spec.selector),
            allowed=found.status.disruptions_allowed,
            disrupted=tuple(uid for uid in disrupted if uid is not None),
        )
