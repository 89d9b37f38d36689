"""One watch: a stream from one member, taken up again where it broke, at another one when need be.

A stream covers all that the store has, also where only a part was asked for: then every revision shows, and
with it how far the watch is. A member that has lost its leader, or that this process gave up, is left.

What etcd leaves open is closed here: a watch that begins exactly where history was cut may silently miss
deletions, so that the revision before the first one wanted must still be readable.

Neighbours: events makes batches of responses, cluster has the members; store hands watches out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

import grpc
import grpc.aio
from aetcd import rpc

from dromon.store.etcd.cluster import CallFailed, Cluster, Member
from dromon.store.etcd.events import batches
from dromon.store.etcd.failures import Proof, explain, proof
from dromon.store.etcd.layout import STATE, Layout
from dromon.store.interface import Batch, Compacted, Unavailable

_CONNECT = 5.0  # seconds between complaints that there is no member to watch
_CREATE = 3.0  # seconds for a member to begin a watch
_AGAIN = 0.1  # seconds before a broken stream is taken up again

T = TypeVar("T")
_log = logging.getLogger(__name__)


class _Ended(Exception):
    """The stream is over, for whatever reason that another one may not have."""


class Watch:
    """Args:
    after: shown revision.

    Attributes:
        seen: etcd's revision up to which everything was given out.
    """

    def __init__(self, cluster: Cluster, layout: Layout, prefix: str, after: int) -> None:
        self._cluster = cluster
        self._layout = layout
        self._prefix = prefix
        self._after = after
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._why: Compacted | None = None
        self._open = asyncio.Event()
        self._open.set()
        revision, slot = layout.split(after)
        # A revision of which only a part was seen is read again, and the part left out.
        self.seen = max(revision if slot == layout.split(layout.whole(0))[1] else revision - 1, 0)

    def end(self, why: Compacted | None = None) -> None:
        """Have `batches` end, or raise `why`, before the next batch."""
        self._why = why
        if not self._ended.done():
            self._ended.set_result(None)

    def hold(self, held: bool) -> None:
        """Have `batches` give nothing out for a while."""
        (self._open.clear if held else self._open.set)()

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """Batches and progress, for ever, or until `end`.

        Raises:
            Compacted.
        """
        while (member := await self._member()) is not None:
            call = member.watch()
            try:
                created = await self._unless_ended(self._begin(call, member))
                if created is None:
                    break
                async with aclosing(self._responses(call, member)) as responses:
                    async for response in responses:
                        if response.canceled:
                            self._cancelled(response)
                        if response.events and response.events[0].kv.mod_revision <= created:
                            # History may have been cut between the answer and the reading of it.
                            await self._check_begin(created)
                        await self._unless_ended(self._open.wait())
                        if self._ended.done():
                            break
                        for batch in self._take(response):
                            yield batch
            except _Ended as why:
                _log.debug("etcd watch broke and is taken up again: %s", why)
            finally:
                call.cancel()
            await self._pause(_AGAIN)
        if self._why is not None:
            raise self._why

    def _take(self, response: Any) -> list[Batch]:
        """The response's batches and one that says how far it reaches."""
        upto = response.events[-1].kv.mod_revision if response.events else response.header.revision
        if upto <= self.seen:
            return []
        found = list(batches(response.events, self._layout, self._prefix, self._after))
        self.seen = upto
        whole = self._layout.whole(upto)
        if whole > self._after:
            self._after = whole
            found.append(Batch(whole, ()))
        return found

    # -- one stream

    async def _begin(self, call: Any, member: Member) -> int:
        """Have the member begin, and return its revision then."""
        key, end = self._layout.range("")
        request = rpc.WatchCreateRequest(
            key=key, range_end=end, start_revision=self.seen + 1, prev_kv=True, progress_notify=True
        )
        try:
            async with asyncio.timeout(_CREATE):
                await call.write(rpc.WatchRequest(create_request=request))
                response = await call.read()
        except TimeoutError:
            self._cluster.leave(member, "it begins no watch")
            raise _Ended("no answer") from None
        except grpc.aio.AioRpcError as error:
            raise _Ended(explain(error.code(), error.details())) from None
        if response is grpc.aio.EOF:
            raise _Ended(await _status(call))
        if response.canceled:
            self._cancelled(response)
        created = int(response.header.revision)
        await self._check_begin(created)
        return created

    async def _responses(self, call: Any, member: Member) -> AsyncGenerator[Any, None]:
        """Responses until the stream ends, the member is left or the watch is ended."""
        left = member.left
        reading: asyncio.Future[Any] = asyncio.ensure_future(call.read())
        try:
            while True:
                await asyncio.wait({reading, left, self._ended}, return_when=asyncio.FIRST_COMPLETED)
                if self._ended.done():
                    return
                if not reading.done():
                    raise _Ended(f"{member.endpoint} was left")
                try:
                    response = reading.result()
                except grpc.aio.AioRpcError as error:
                    raise self._broken(member, error.code(), error.details()) from None
                if response is grpc.aio.EOF:
                    raise self._broken(member, await call.code(), await call.details())
                yield response
                reading = asyncio.ensure_future(call.read())
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError, grpc.aio.AioRpcError):
                await reading

    def _broken(self, member: Member, code: Any, details: str | None) -> _Ended:
        if proof(code, details) is Proof.NOT_APPLIED:  # it has no leader
            self._cluster.leave(member, explain(code, details))
        return _Ended(explain(code, details))

    def _cancelled(self, response: Any) -> None:
        if response.compact_revision:
            raise Compacted(self._layout.whole(response.compact_revision))
        raise _Ended(response.cancel_reason or "etcd cancelled the watch")

    async def _check_begin(self, created: int) -> None:
        """Make sure that history reaches back to what the watch begins with."""
        if not 0 < self.seen <= created:
            return
        request = rpc.RangeRequest(key=self._layout.key(STATE), revision=self.seen, count_only=True)
        try:
            await self._cluster.read(lambda m: m.kv.Range, request)
        except CallFailed as error:
            if error.proof is Proof.COMPACTED:
                oldest = await compacted(self._cluster, self._layout)
                raise Compacted(self._layout.whole(max(oldest, self.seen + 1))) from None
            raise _Ended(str(error)) from None
        except Unavailable as error:
            raise _Ended(str(error)) from None

    async def _member(self) -> Member | None:
        """Somebody to ask; None: the watch was ended."""
        while not self._ended.done():
            until = asyncio.get_running_loop().time() + _CONNECT
            member = await self._unless_ended(self._cluster.member(until))
            if member is not None:
                return member
            if not self._ended.done():
                _log.warning("etcd watch waits for a member that can be reached")
        return None

    async def _unless_ended(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What `work` gives; None when the watch is ended first."""
        task = asyncio.ensure_future(work)
        try:
            both: list[asyncio.Future[Any]] = [task, self._ended]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            return None if self._ended.done() else task.result()
        finally:
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    async def _pause(self, seconds: float) -> None:
        await asyncio.wait([self._ended], timeout=seconds)


async def compacted(cluster: Cluster, layout: Layout) -> int:
    """etcd's revision up to which history is cut. To be asked when some of it is: only watches are told.

    Raises:
        Unavailable.
    """
    until = asyncio.get_running_loop().time() + _CREATE
    member = await cluster.member(until)
    if member is None:
        raise Unavailable("no member of the etcd cluster can be reached")
    call = member.watch()
    try:
        async with asyncio.timeout_at(until):
            request = rpc.WatchCreateRequest(key=layout.key(STATE), start_revision=1)
            await call.write(rpc.WatchRequest(create_request=request))
            while (response := await call.read()) is not grpc.aio.EOF:
                if response.compact_revision:
                    return int(response.compact_revision)
    except (TimeoutError, grpc.aio.AioRpcError) as error:
        raise Unavailable(f"etcd does not answer: {error}") from None
    finally:
        call.cancel()
    raise Unavailable("etcd does not say how far its history reaches back")


async def _status(call: Any) -> str:
    return explain(await call.code(), await call.details())
