"""The controller manager's process.

Neighbours: the CLI calls run with a ControllerManagerConfig; manager has the table of controllers.
"""

from __future__ import annotations

from collections.abc import Callable

from dromon.base.clock import Clock, SystemClock
from dromon.client.rest import Client
from dromon.controllers.config import ControllerManagerConfig
from dromon.controllers.manager import Manager

USER_AGENT = "dromon-controller-manager"


async def run(
    config: ControllerManagerConfig,
    *,
    clock: Clock | None = None,
    ready: Callable[[], None] | None = None,
) -> None:
    """Run the controllers until cancelled.

    Args:
        config: which, and with what.
        clock: their time.
        ready: called once all have seen the cluster's state.

    Raises:
        ValueError: config names a controller that doesn't exist, or a network that can't be divided.
        client.config.ConfigError: the kubeconfig can't be used.
    """
    clock = clock if clock is not None else SystemClock()
    client = Client.from_kubeconfig(config.kubeconfig, user_agent=USER_AGENT, clock=clock)
    try:
        await Manager(config, client, clock).run(ready)
    finally:
        await client.close()
