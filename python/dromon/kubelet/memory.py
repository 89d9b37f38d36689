"""What one pod's worker remembers between looks: the mutable side of view.View.

Neighbours: worker owns it, operations changes it, view is made from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from dromon.api.types.pod import Pod
from dromon.kubelet.runtime.interface import Image
from dromon.kubelet.view import Blocked, CrashBackoff, Failure

RETRY_MAXIMUM = 300.0


@dataclass(slots=True)
class PodMemory:
    """One pod.

    Attributes:
        pod: as last seen in the API (of an orphan: only its identity).
        gone: the API does not have it any more.
        ending: the plan is to stop; slow steps of starting are given up.
        backoff, blocked: container name -> restart back-off; why it can't start.
        steps: "volumes", "sandbox", "network", "final" -> why the step has to wait.
        mounts: volume name -> host path, once mounted; a pod without volumes waits for none.
        killing: container id -> moment of its SIGKILL, seconds since the epoch.
        told: ids of containers whose end was announced and whose preStop hook has been begun.
        pulls: container name -> a pull in flight.
    """

    pod: Pod
    gone: bool = False
    ending: bool = False
    failure: Failure | None = None
    backoff: dict[str, CrashBackoff] = field(default_factory=dict)
    blocked: dict[str, Blocked] = field(default_factory=dict)
    steps: dict[str, Blocked] = field(default_factory=dict)
    mounts: Mapping[str, str] | None = None
    attached: bool = False
    released: bool = False
    finalized: bool = False
    killing: dict[str, float] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    pulls: dict[str, asyncio.Task[Image]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.pod.spec.volumes:
            self.mounts = {}

    def block(
        self,
        name: str,
        reason: str,
        message: str,
        now: float,
        *,
        initial: float = 10.0,
        maximum: float = RETRY_MAXIMUM,
        later: tuple[str, str] = ("", ""),
    ) -> None:
        """A container can't be started now; the pause doubles from `initial` to `maximum` seconds."""
        self.blocked[name] = _next(self.blocked.get(name), reason, message, now, initial, maximum, later)

    def block_step(self, step: str, reason: str, message: str, now: float, maximum: float = 60.0) -> None:
        """A step of the pod failed; the pause doubles from half a second to `maximum`."""
        self.steps[step] = _next(self.steps.get(step), reason, message, now, 0.5, maximum, ("", ""))


def _next(
    before: Blocked | None,
    reason: str,
    message: str,
    now: float,
    initial: float,
    maximum: float,
    later: tuple[str, str],
) -> Blocked:
    again = before is not None and before.reason == reason
    delay = min(before.delay * 2, maximum) if again and before is not None else initial
    return Blocked(reason, message, now, now + delay, delay, later)
