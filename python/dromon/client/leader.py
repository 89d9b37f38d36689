"""Hold a Lease, and work while holding it: the loop of leader election, and the fence around its work.

The work is given a fence, and gives it to its API client as guard: from the moment on at which the lease may
be lost, nothing that changes anything leaves this process, even if it was stopped or suspended meanwhile.

Neighbours: client.lease decides; client.election wires it to the API for the components that elect a leader.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random as _random
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any, Protocol, TypeVar

from dromon.api.errors import ApiError
from dromon.api.types.coordination import Lease
from dromon.base.clock import Clock
from dromon.client import lease as rules
from dromon.client.lease import Seen, Timing
from dromon.client.rest import ConnectionFailed, Guard, NotAllowed

log = logging.getLogger(__name__)

T = TypeVar("T")

STOPPING = 10.0
"""Seconds that the work has to end when the lease is lost; the fence is closed meanwhile."""

SHORTEST_PAUSE = 0.01
"""Seconds between two looks at least."""

Work = Callable[[Guard], Coroutine[Any, Any, None]]


class Outcome(Enum):
    """How a try to take or renew the lease ended."""

    HELD = "held"
    TAKEN = "taken by another"
    UNKNOWN = "unknown"


class LeaseLock(Protocol):
    """One Lease object. Methods raise ApiError or ConnectionFailed."""

    name: tuple[str, str]

    async def get(self) -> Lease | None:
        """The lease as it is now; None when there is none."""
        ...

    async def put(self, lease: Lease) -> Lease:
        """Create it (without resourceVersion) or replace exactly that version; ApiError 409 for another."""
        ...

    async def watch(self, changed: Callable[[Lease | None], None]) -> None:
        """Tell of changes until cancelled; may be late, and may miss some."""
        ...


class Fence:
    """Whether the work may change anything: a deadline that renewals move on.

    Args:
        monotonic: seconds, by a clock that also runs while the machine is suspended.
        what: the lease's name, for messages.
    """

    def __init__(self, monotonic: Callable[[], float], what: str) -> None:
        self._monotonic = monotonic
        self._what = what
        self._until = float("-inf")
        self._closed = False

    @property
    def left(self) -> float:
        """Seconds until it closes by itself; 0 when it is closed."""
        return 0.0 if self._closed else max(0.0, self._until - self._monotonic())

    def extend(self, until: float) -> None:
        """Let changes through until then; a fence that was closed stays so."""
        self._until = max(self._until, until)

    def close(self) -> None:
        """Let nothing through any more."""
        self._closed = True

    def __call__(self) -> None:
        """As client.servers asks it: return when changes may be made now.

        Raises:
            NotAllowed: the lease may be lost.
        """
        if self._closed or self._monotonic() >= self._until:
            raise NotAllowed(f"the lease {self._what} is no longer held")


class Elector:
    """Contends for a lease; see the module.

    Args:
        lock: the lease.
        identity: unique to this process, also among its restarts.
        timing: spans.
        clock: sleeps, and stamps records.
        monotonic: as Fence has it; the clock's unless given.
        announce: told "became leader" and "stopped leading", with the lease.
        random: gives numbers in [0, 1).
    """

    def __init__(
        self,
        lock: LeaseLock,
        identity: str,
        timing: Timing,
        *,
        clock: Clock,
        monotonic: Callable[[], float] | None = None,
        announce: Callable[[str, Lease], None] = lambda what, lease: None,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self._lock = lock
        self._what = "/".join(lock.name)
        self._identity = identity
        self._timing = timing
        self._clock = clock
        self._monotonic = monotonic or clock.monotonic
        self._announce = announce
        self._random = random
        self._seen: Seen | None = None
        self._changed = asyncio.Event()

    def fence(self) -> Fence:
        """A fence for one term."""
        return Fence(self._monotonic, self._what)

    async def run(self, work: Work) -> None:
        """Wait for the lease and work; when it is lost end the work and wait again, until cancelled.

        When the work ends, by itself or because this is cancelled, the lease is given back, so that the next
        contender need not wait; what it raises is raised.

        Args:
            work: called once a term, with the term's fence; cancelled when the term ends.
        """
        watch = asyncio.create_task(self._lock.watch(self._told), name=f"watch {self._what}")
        try:
            ended = False
            while not ended:
                fence = self.fence()
                await self._acquire(fence)
                ended = await self._lead(fence, work)
        finally:
            await _end(watch)

    async def _acquire(self, fence: Fence) -> None:
        log.info("waiting to lead", extra={"lease": self._what, "identity": self._identity})
        while await self._try(fence) is not Outcome.HELD:
            pause = self._timing.retry_period * (1 + rules.JITTER * self._random())
            now = self._monotonic()
            if self._seen is not None and self._seen.expires > now:
                pause = min(pause, self._seen.expires - now)
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await self._within(max(pause, SHORTEST_PAUSE), self._changed.wait())
        log.info("leading", extra={"lease": self._what, "identity": self._identity})
        self._tell("became leader")

    async def _lead(self, fence: Fence, work: Work) -> bool:
        """Work until the lease is lost, or until the work has ended: then True."""
        task = asyncio.create_task(work(fence), name=f"work of {self._what}")
        renewal = asyncio.create_task(self._renew(fence), name=f"renewal of {self._what}")
        try:
            await asyncio.wait({task, renewal}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await self._step_down(fence, task, renewal.result())
                return False
        except asyncio.CancelledError:
            # The lease is renewed until the work has ended, so that what it still has to write is written.
            await _end(task)
            raise
        finally:
            await _end(renewal)
            still_ours = fence.left > 0
            fence.close()
            if still_ours:
                await self._release()
        await task
        return True

    async def _step_down(self, fence: Fence, task: asyncio.Task[None], why: str) -> None:
        fence.close()
        log.warning("no longer leading", extra={"lease": self._what, "why": why})
        task.cancel()
        await asyncio.wait({task}, timeout=STOPPING)
        if not task.done():
            raise TimeoutError(f"the work of {self._what} did not stop within {STOPPING:g} s")
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("the work ended with an error", extra={"lease": self._what, "error": str(error)})
        self._tell("stopped leading")

    async def _renew(self, fence: Fence) -> str:
        """Renew until that is no longer possible; why it is not."""
        while True:
            await self._clock.sleep(min(self._timing.retry_period, fence.left))
            if not fence.left:
                return "not renewed in time"
            if await self._try(fence) is Outcome.TAKEN:
                return f"held by {rules.held_by(self._seen)}"

    async def _try(self, fence: Fence) -> Outcome:
        """One try to take or renew the lease, in bounded time."""
        limit = max(self._timing.retry_period, self._timing.renew_deadline / 2)
        if fence.left:
            limit = min(limit, fence.left)
        try:
            return await self._within(limit, self._claim(fence))
        except (ApiError, ConnectionFailed, TimeoutError) as error:
            log.info("lease not obtained", extra={"lease": self._what, "error": str(error) or "no answer"})
            return Outcome.UNKNOWN

    async def _claim(self, fence: Fence) -> Outcome:
        # Who leads knows the record that it wrote; everybody else looks first.
        known = fence.left > 0 and rules.held_by(self._seen) == self._identity
        while True:
            if not known:
                self._see(await self._lock.get())
            assert self._seen is not None
            now = self._monotonic()
            if not rules.may_take(self._seen, self._identity, now, fence.left > 0):
                return Outcome.TAKEN
            lease = rules.claim(
                self._seen.lease, self._lock.name, self._identity, self._timing, self._clock.now()
            )
            try:
                self._see(await self._lock.put(lease))
            except ApiError as error:
                if error.code not in (404, 409) or not known:
                    raise
                known = False  # somebody wrote it, perhaps we ourselves, in a try whose answer was lost
                continue
            # Counted from before it was sent: others count from when they saw it, which is later.
            fence.extend(now + self._timing.renew_deadline)
            return Outcome.HELD

    async def _release(self) -> None:
        """Give the lease back if it still is ours; nothing depends on it but how soon the next one leads."""
        with contextlib.suppress(ApiError, ConnectionFailed, TimeoutError):
            await self._within(self._timing.retry_period, self._give_back())

    async def _give_back(self) -> None:
        lease = await self._lock.get()
        if lease is not None and lease.spec.holder_identity == self._identity:
            await self._lock.put(rules.release(lease, self._clock.now()))
            log.info("lease given back", extra={"lease": self._what})

    def _see(self, lease: Lease | None) -> None:
        self._seen = rules.see(self._seen, lease, self._monotonic(), self._timing)

    def _told(self, lease: Lease | None) -> None:
        """The watch saw a change: it counts from now, and a free lease is worth a try at once."""
        self._see(lease)
        if self._seen is not None and not self._seen.respect:
            self._changed.set()

    def _tell(self, what: str) -> None:
        if self._seen is not None and self._seen.lease is not None:
            self._announce(f"{self._identity} {what}", self._seen.lease)

    async def _within(self, seconds: float, work: Coroutine[Any, Any, T]) -> T:
        """As asyncio.wait_for, by the injected clock."""
        task = asyncio.ensure_future(work)
        timer = asyncio.create_task(self._clock.sleep(seconds))
        try:
            await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise TimeoutError(f"no answer within {seconds:g} s")
        finally:
            await _end(task, timer)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel them and wait until they have ended; how is their owner's affair."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
