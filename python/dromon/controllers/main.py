"""The controller manager's process.

Neighbours: the CLI calls run with a ControllerManagerConfig; manager has the table of controllers.
"""

from __future__ import annotations

from collections.abc import Callable

from dromon.base.clock import Clock, SystemClock
from dromon.client.election import elected
from dromon.client.rest import Client, Guard
from dromon.controllers.config import ControllerManagerConfig
from dromon.controllers.manager import Manager, choose

USER_AGENT = "dromon-controller-manager"

COMPONENT = "kube-controller-manager"


async def run(
    config: ControllerManagerConfig,
    *,
    clock: Clock | None = None,
    ready: Callable[[], None] | None = None,
) -> None:
    """Run the controllers, while leading where a leader is elected, until cancelled.

    Args:
        config: which, and with what.
        clock: their time.
        ready: called once all have seen the cluster's state, in every term; a manager that waits to lead is
            not ready.

    Raises:
        ValueError: config names a controller that doesn't exist, or a network that can't be divided.
        client.config.ConfigError: the kubeconfig can't be used.
    """
    chosen = clock if clock is not None else SystemClock()
    choose(config.controllers)  # a mistake is told now, not when the leader is lost

    async def term(guard: Guard | None) -> None:
        # Each term begins with nothing: what an earlier one knew may be long out of date.
        client = Client.from_kubeconfig(config.kubeconfig, user_agent=USER_AGENT, guard=guard, clock=chosen)
        try:
            await Manager(config, client, chosen).run(ready)
        finally:
            await client.close()

    await elected(config, config.kubeconfig, COMPONENT, term, chosen)
