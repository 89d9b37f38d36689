"""The gate before every verb: straight through while there is room, else by turns, else 429.

While nothing waits, a request costs one counter. The event loop's time is given out in turns: once the
requests of a turn have taken their time, further ones wait, and each following turn takes from the queues
what is expected to fit. So a turn stays short, however much has arrived, and new arrivals are read, sorted
and answered in between. What waits too long, or finds its queue full, is refused with Retry-After; refusals
are sent at a bounded rate, so that clients that do not heed it are held back by their own open requests.

Neighbours: handler enters for every request; queues decides who is next; metrics reads the counters.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import NoReturn

from dromon.api import errors
from dromon.apiserver.authn import User
from dromon.apiserver.flowcontrol.levels import LEVELS, LevelConfig, level_of, special
from dromon.apiserver.flowcontrol.pace import Pace
from dromon.apiserver.flowcontrol.queues import Bounds, FairQueues, Flow, Level
from dromon.base.clock import Clock
from dromon.base.histogram import Histogram
from dromon.base.http.messages import Request, Response

TURN = 0.005
"""Seconds of requests' work in one turn of the event loop."""

WAIT = 5.0
"""Seconds that a request may wait."""

LONG = 64 * 1024
"""Answers of more bytes count against the bounds until the peer has taken them."""

_WAITING_COST = 0.0003  # seconds of the loop reckoned for a request that waited for something meanwhile
_BYTE_COST = 1.5e-9  # seconds of the loop to encrypt and send a byte
_LOOK = 0.25  # seconds between looks for what has waited too long
_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

_USERS = 10_000  # users whose levels are remembered

_EXPIRED = -1.0

Waiting = asyncio.Future[float]
"""Resolved to the cost that is charged when the request's turn has come; _EXPIRED: it waited too long."""


@dataclass(slots=True)
class Counters:
    """What happened in one level: requests carried out, refused by reason, seconds waited."""

    pace: Pace
    dispatched: int = 0
    rejected: dict[str, int] = field(default_factory=lambda: {"queue-full": 0, "time-out": 0})
    waited: Histogram = field(default_factory=lambda: Histogram(_BUCKETS))


class Pass:
    """One request's way through the gate; made by Gate.enter, given to Gate.leave.

    Attributes:
        waits: `Gate.wait` must come before the request is carried out.
    """

    __slots__ = ("charged", "flow", "level", "long", "request", "start", "turn", "user", "waits")

    def __init__(self, level: Level[Waiting], user: User, request: Request, long: bool, turn: int) -> None:
        self.level = level
        self.user = user
        self.request = request
        self.long = long
        self.turn = turn
        self.flow: Flow[Waiting] | None = None
        self.charged = 0.0
        self.start = time.perf_counter()
        self.waits = False

    @property
    def key(self) -> tuple[str, str, bool]:
        """The flow: a user with one program, so that a script does not stand before its author's kubectl.

        Lists are a flow of their own, so that unread ones hold up no other requests.
        """
        return self.user.name, self.request.headers.get("user-agent"), self.long


class Gate:
    """See the module. For one event loop.

    Args:
        clock: for waiting; what the loop's time costs is read from the machine's.
        bounds: what may be used at a time.
    """

    def __init__(self, clock: Clock, bounds: Bounds) -> None:
        self._clock = clock
        self.queues: FairQueues[Waiting] = FairQueues(LEVELS, bounds)
        self.counters: dict[LevelConfig, Counters] = {level: Counters(Pace(clock)) for level in LEVELS}
        self._usual: dict[int, tuple[User, LevelConfig]] = {}
        self._turn = 0
        self._turn_end = 0.0
        self._pumping = False
        self._watchman: asyncio.Task[None] | None = None

    @property
    def held(self) -> int:
        """Refusals that are held back."""
        return sum(counters.pace.held for counters in self.counters.values())

    def level(self, user: User, verb: str, plural: str, namespace: str, subresource: str) -> Level[Waiting]:
        """The priority level of a request."""
        # By identity, which costs less than comparing: authenticators give the same object again.
        known = self._usual.get(id(user))
        if known is None or known[0] is not user:
            if len(self._usual) >= _USERS:
                self._usual.clear()
            known = self._usual[id(user)] = (user, level_of(user))
        usual = known[1]
        if plural == "leases" or plural == "nodes":
            usual = special(usual, verb, plural, namespace, subresource)
        return self.queues.levels[usual]

    def enter(self, level: Level[Waiting], user: User, request: Request, *, long: bool = False) -> Pass:
        """Begin a request: at once where there is room, else it `waits`. `leave` must follow.

        Args:
            long: it is a list, or another request with a long answer.
        """
        if self._turn_end == 0.0:
            self._begin_turn()
        passing = Pass(level, user, request, long, self._turn)
        if (
            self._pumping
            or level.queued
            or 2 * level.executing >= level.seats
            or level.answer_bytes
            or passing.start > self._turn_end
        ):
            passing.waits = True
        else:
            level.executing += 1
        return passing

    async def wait(self, passing: Pass) -> None:
        """Return when the request's turn has come.

        Raises:
            ApiError: 429 with Retry-After; `leave` must not follow then, nor after cancellation.
        """
        level, request, queues = passing.level, passing.request, self.queues
        arrived = self._clock.monotonic()
        flow = queues.flow(level, passing.key)
        loop = asyncio.get_running_loop()
        ticket: Waiting = loop.create_future()
        if not queues.push(flow, ticket, arrived + WAIT, len(request.body)):
            queues.tidy(flow)
            await self._refuse(level, request, "queue-full")
        self._pump_soon()
        if self._watchman is None or self._watchman.done():
            self._watchman = loop.create_task(self._watch(), name="flowcontrol")
        try:
            charged = await ticket
        except asyncio.CancelledError:
            self._client_left(flow, ticket)
            raise
        self.counters[level.config].waited.observe(self._clock.monotonic() - arrived)
        if charged == _EXPIRED:
            await self._refuse(level, request, "time-out")
        passing.flow, passing.charged = flow, charged
        if self._turn_end == 0.0:
            self._begin_turn()
        passing.turn = self._turn
        passing.start = time.perf_counter()

    def leave(self, passing: Pass, reply: object) -> None:
        """The request was carried out, with this reply (None: it failed)."""
        response = reply if isinstance(reply, Response) else None
        size = len(response.body) if response is not None else 0
        level, flow = passing.level, passing.flow
        self.counters[level.config].dispatched += 1
        if flow is None:
            level.executing -= 1
        else:
            # Who waited for something meanwhile did not have the loop to itself: only a guess is left.
            alone = self._turn == passing.turn
            cost = time.perf_counter() - passing.start if alone else _WAITING_COST
            self.queues.done(flow, passing.charged, cost + size * _BYTE_COST)
        if response is not None and size > LONG:
            self._count_answer(passing, response, size)
        if level.queued:
            self._pump_soon()

    def close(self) -> None:
        """Stop looking after what waits."""
        if self._watchman is not None:
            self._watchman.cancel()

    def _count_answer(self, passing: Pass, response: Response, size: int) -> None:
        """Count a long answer until the peer has taken it."""
        level = passing.level
        flow = self.queues.flow(level, passing.key)
        flow.answer_bytes += size
        level.answer_bytes += size

        def sent() -> None:
            flow.answer_bytes -= size
            level.answer_bytes -= size
            self.queues.tidy(flow)
            if level.queued:
                self._pump_soon()

        response.sent = sent

    def _client_left(self, flow: Flow[Waiting], ticket: Waiting) -> None:
        if not ticket.done() or ticket.cancelled():
            self.queues.remove(flow, ticket)
        elif ticket.result() != _EXPIRED:  # its turn came as its client left
            self.queues.done(flow, ticket.result(), 0.0)
            self._pump_soon()

    # -- turns

    def _begin_turn(self) -> None:
        self._turn_end = time.perf_counter() + TURN
        asyncio.get_running_loop().call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self._turn += 1
        self._turn_end = 0.0

    def _pump_soon(self) -> None:
        if not self._pumping:
            self._pumping = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """Let as many go as are expected to fit into a turn."""
        self._pumping = False
        left = TURN
        while left > 0:
            found = self.queues.pop()
            if found is None:
                return  # whatever is left waits for seats or bytes: who frees some pumps again
            flow, ticket, charged = found
            if ticket.done():
                self.queues.done(flow, charged, 0.0)
                continue
            ticket.set_result(charged)
            left -= charged
        if self.queues.queued:
            self._pump_soon()

    async def _watch(self) -> None:
        """Refuse what has waited too long, for as long as anything waits."""
        while self.queues.queued:
            await self._clock.sleep(_LOOK)
            for ticket in self.queues.expired(self._clock.monotonic()):
                if not ticket.done():
                    ticket.set_result(_EXPIRED)

    async def _refuse(self, level: Level[Waiting], request: Request, reason: str) -> NoReturn:
        """Raise 429, no sooner than the rate of refusals allows."""
        counters = self.counters[level.config]
        counters.rejected[reason] += 1
        request.body = b""
        await counters.pace.wait()
        raise errors.too_many_requests("too many requests, please try again later")
