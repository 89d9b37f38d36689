"""Leader election of a component: its settings, its Lease in the API, and its events.

Neighbours: the scheduler's and the controller manager's configs and mains; client.leader has the loop.
"""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from dromon.api.errors import ApiError
from dromon.api.kinds import LEASES
from dromon.api.types.coordination import Lease
from dromon.base.clock import Clock, SystemClock
from dromon.base.durations import Seconds
from dromon.client.events import EventRecorder
from dromon.client.informer import Informer
from dromon.client.leader import Elector
from dromon.client.lease import Timing
from dromon.client.rest import Client, Guard

_LEASE_DURATION = Seconds(15.0)
_RENEW_DEADLINE = Seconds(10.0)
_RETRY_PERIOD = Seconds(2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderElection:
    """Settings of leader election, named as upstream's flags.

    Attributes:
        leader_elect: work only while holding a lease, so that several may run and one works.
        leader_elect_lease_duration: a holder that is not heard of for so long is replaced.
        leader_elect_renew_deadline: a holder that can't renew for so long stops working; must be less.
        leader_elect_retry_period: between two renewals, or two tries to become the holder.
        leader_elect_resource_namespace: namespace of the Lease.
        leader_elect_resource_name: name of the Lease.

    Raises:
        ValueError: the spans don't fit each other, or the Lease has no name.
    """

    leader_elect: bool = True
    leader_elect_lease_duration: Seconds = _LEASE_DURATION
    leader_elect_renew_deadline: Seconds = _RENEW_DEADLINE
    leader_elect_retry_period: Seconds = _RETRY_PERIOD
    leader_elect_resource_namespace: str = "kube-system"
    leader_elect_resource_name: str = ""

    def check_election(self) -> None:
        """Raise ValueError for settings that make no sense."""
        if not self.leader_elect:
            return
        try:
            self.timing()
        except ValueError as error:
            raise ValueError(f"leader_elect: {error}") from None
        if not self.leader_elect_resource_namespace or not self.leader_elect_resource_name:
            raise ValueError("leader_elect: the Lease needs a namespace and a name")

    def timing(self) -> Timing:
        """The spans."""
        return Timing(
            self.leader_elect_lease_duration,
            self.leader_elect_renew_deadline,
            self.leader_elect_retry_period,
        )


class ApiLock:
    """A Lease of the API, as client.leader.LeaseLock has it."""

    def __init__(self, client: Client, namespace: str, name: str, clock: Clock) -> None:
        self.name = (namespace, name)
        self._client = client
        self._clock = clock

    async def get(self) -> Lease | None:
        namespace, name = self.name
        try:
            return await self._client.get(LEASES, name, namespace)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    async def put(self, lease: Lease) -> Lease:
        if lease.metadata.resource_version:
            return await self._client.update(LEASES, lease)
        return await self._client.create(LEASES, lease)

    async def watch(self, changed: Callable[[Lease | None], None]) -> None:
        namespace, name = self.name
        informer = Informer(
            self._client, LEASES, namespace=namespace, fields=f"metadata.name={name}", clock=self._clock
        )
        informer.add_handler(lambda old, new: changed(new))
        await informer.run()


async def elected(
    settings: LeaderElection,
    kubeconfig: str,
    component: str,
    work: Callable[[Guard | None], Coroutine[Any, Any, None]],
    clock: Clock,
) -> None:
    """Run `work` whenever this process is the leader, or at once and unguarded where none is elected.

    Args:
        component: "kube-scheduler": who records the events.
        work: given the guard for its API client; cancelled when the lease is lost.

    Raises:
        client.config.ConfigError: the kubeconfig can't be used.
        Exception: what the work raised.
    """
    if not settings.leader_elect:
        await work(None)
        return
    host = socket.gethostname()
    timing = settings.timing()
    client = Client.from_kubeconfig(
        kubeconfig,
        user_agent=f"dromon/{component}/leader-election",
        timeout=timing.renew_deadline / 2,
        clock=clock,
    )
    recorder = EventRecorder(client, component, host, clock)

    def announce(what: str, lease: Lease) -> None:
        recorder.event(lease, "Normal", "LeaderElection", what)

    namespace, name = settings.leader_elect_resource_namespace, settings.leader_elect_resource_name
    elector = Elector(
        ApiLock(client, namespace, name, clock),
        f"{host}_{uuid.uuid4()}",
        timing,
        clock=clock,
        monotonic=boottime if isinstance(clock, SystemClock) else None,
        announce=announce,
    )
    try:
        await elector.run(work)
    finally:
        await recorder.close()
        await client.close()


def boottime() -> float:
    """Seconds by a monotonic clock that also runs while the machine is suspended, where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
