"""Channels to all members of an etcd cluster, and who is asked: fail-over in bounded time.

A write is sent to one member, once: it goes to another only when the error proves that it took no effect.
Reads go round until one answers. A member that does not answer in time is left, by the watches on it, too.
Deadlines are of the machine's clock: what is waited for is a real peer.

Neighbours: failures says what an error proves; url where the members are; everything that talks to etcd
does it through here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import grpc.aio
from aetcd import rpc

from dromon.store.etcd.failures import Proof, explain, proof
from dromon.store.etcd.url import EtcdConfig
from dromon.store.interface import NotAccepted, StoreError, Unavailable

UNSENT = 2.5
"""Seconds for which a write waits for a member that takes it: then it is NotAccepted."""
WRITE = 4.5
"""Seconds for a write from its beginning, once it was sent: then its outcome is unknown."""
READ = 4.0
"""Seconds for a read, over all members that are tried, and with what it has to wait for before."""
SILENCE = 5.0
"""Seconds without a sign of a majority after which whoever follows the store's history is told."""

_ONE_READ = 2.0  # seconds that one member gets for a read when there are others
_POLL = 0.02  # seconds between looks at connections that are being made
_AGAIN = 0.05  # seconds before the same members are asked once more

# So that a member without a leader ends calls and streams instead of letting them hang
# (etcd's api/v3rpc/rpctypes/metadatafields.go).
_LEADER: Sequence[tuple[str, str]] = (("hasleader", "true"),)

_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    # A peer that vanished is noticed by pings; etcd refuses more than one in 5 s.
    ("grpc.keepalive_time_ms", 6_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),
]

_log = logging.getLogger(__name__)


class CallFailed(StoreError):
    """An RPC failed with something that only its caller can judge; `proof` says what."""

    def __init__(self, found: Proof, text: str) -> None:
        super().__init__(text)
        self.proof = found


class Member:
    """One member's channel and stubs.

    Attributes:
        endpoint: its "host:port".
        left: done when this process gave the member up; streams on it should move.
    """

    def __init__(self, endpoint: str, credentials: Any) -> None:
        self.endpoint = endpoint
        if credentials is None:
            self.channel = grpc.aio.insecure_channel(endpoint, options=_OPTIONS)
        else:
            self.channel = grpc.aio.secure_channel(endpoint, credentials, options=_OPTIONS)
        self.kv = rpc.KVStub(self.channel)
        self.lease = rpc.LeaseStub(self.channel)
        self.maintenance = rpc.MaintenanceStub(self.channel)
        self.watches = rpc.WatchStub(self.channel)
        self.left: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connected(self) -> bool:
        """Whether there is a connection; begins to make one where there is none."""
        state = self.channel.get_state(try_to_connect=True)
        return bool(state is grpc.ChannelConnectivity.READY)

    def watch(self) -> Any:
        """A new stream for watches."""
        return self.watches.Watch(metadata=_LEADER)


Call = Callable[[Member], Any]
"""Picks an RPC of a member: `lambda m: m.kv.Range`."""


class Cluster:
    """The members that the URL names. To be made inside the event loop.

    Raises:
        StoreError: a certificate file can't be read.
    """

    def __init__(self, config: EtcdConfig) -> None:
        credentials = None
        if config.tls:
            authorities, key, chain = config.certificates()
            credentials = grpc.ssl_channel_credentials(authorities, key, chain)
        self.members = [Member(e, credentials) for e in config.endpoints]
        self._current = 0
        self._told: set[str] = set()
        self.fault: str | None = None
        """Why the last request was not answered; None after one that was."""

    async def close(self) -> None:
        """Break all connections; calls in flight fail."""
        for member in self.members:
            await member.channel.close()

    def answered(self) -> None:
        """Somebody did what only a majority can."""
        self.fault = None
        self._told.clear()

    def leave(self, member: Member, why: str) -> None:
        """Ask another one from now on."""
        if len(self.members) > 1 and self.members[self._current] is member:
            self._current = (self._current + 1) % len(self.members)
            # Once for each until somebody answers: while none has a leader they are asked round and round.
            if member.endpoint not in self._told:
                self._told.add(member.endpoint)
                _log.warning("leaving etcd member %s: %s", member.endpoint, why)
        if not member.left.done():
            member.left.set_result(None)
        member.left = asyncio.get_running_loop().create_future()

    async def member(self, until: float) -> Member | None:
        """A connected member, the current one if possible; None when there is none by `until` (loop time)."""
        loop = asyncio.get_running_loop()
        while True:
            for ahead in range(len(self.members)):
                at = (self._current + ahead) % len(self.members)
                if self.members[at].connected():
                    self._current = at
                    return self.members[at]
            if loop.time() >= until:
                return None
            await asyncio.sleep(_POLL)

    async def write(self, call: Call, request: Any, since: float | None = None) -> Any:
        """Do something at most once.

        Args:
            since: loop time from which UNSENT and WRITE count, None: now. One deadline for all that a
                caller's write needs: waiting for others, a lease, members that turn it away.

        Raises:
            NotAccepted: it took no effect.
            Unavailable: the outcome is unknown.
            CallFailed: COMPACTED, FUTURE or NO_LEASE; it took no effect.
        """
        loop = asyncio.get_running_loop()
        since = loop.time() if since is None else since
        until = since + UNSENT
        why = "no member of the etcd cluster can be reached"
        while True:
            member = await self.member(until)
            now = loop.time()
            if member is None or now > until:
                self.fault = why
                raise NotAccepted(why)
            try:
                answer = await call(member)(request, timeout=since + WRITE - now, metadata=_LEADER)
            except grpc.aio.AioRpcError as error:
                found, why = proof(error.code(), error.details()), explain(error.code(), error.details())
                if found is Proof.REFUSED:
                    raise NotAccepted(why) from None
                if found is Proof.UNKNOWN:
                    self.fault = f"etcd does not answer: {why}"
                    self.leave(member, why)
                    raise Unavailable(self.fault) from None
                if found not in (Proof.NOT_APPLIED, Proof.BUSY):
                    raise CallFailed(found, why) from None
                if found is Proof.NOT_APPLIED:
                    self.leave(member, why)
                await asyncio.sleep(_AGAIN)
                continue
            self.answered()
            return answer

    async def read(self, call: Call, request: Any) -> Any:
        """Do something that can be repeated.

        Raises:
            Unavailable: nobody answered in time.
            CallFailed: COMPACTED or FUTURE.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + READ
        why = "no member of the etcd cluster can be reached"
        while (member := await self.member(until)) is not None and (left := until - loop.time()) > 0:
            patience = left if len(self.members) == 1 else min(left, _ONE_READ)
            try:
                answer = await call(member)(request, timeout=patience, metadata=_LEADER)
            except grpc.aio.AioRpcError as error:
                found, why = proof(error.code(), error.details()), explain(error.code(), error.details())
                if found in (Proof.COMPACTED, Proof.FUTURE):
                    raise CallFailed(found, why) from None
                if found is Proof.REFUSED:
                    raise Unavailable(why) from None
                if found is not Proof.BUSY:
                    self.leave(member, why)
                await asyncio.sleep(_AGAIN)
                continue
            self.answered()
            return answer
        self.fault = f"etcd does not answer: {why}"
        raise Unavailable(self.fault)
