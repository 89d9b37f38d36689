"""Bounds on streams: how many watches (and logs, execs) one user and all together may have open.

Neighbours: gate is for requests that end; handler counts streams here; metrics shows them.
"""

from __future__ import annotations

from dromon.api import errors
from dromon.apiserver.authn import User
from dromon.base.http.flow import Tunnel
from dromon.base.http.messages import Reply, Stream, StreamResponse, UpgradeResponse


class Streams:
    """Open streams.

    Args:
        limit: of all users; one user may have half of them. 0: no bound.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_user: dict[str, int] = {}
        self.open = 0
        self.refused = 0

    def check(self, user: User) -> None:
        """Raise ApiError 429 when the user may not open another stream."""
        if not self._limit:
            return
        mine = self._by_user.get(user.name, 0)
        if self.open >= self._limit or mine >= max(1, self._limit // 2):
            self.refused += 1
            whose = f"user {user.name!r} has" if self.open < self._limit else "there are"
            raise errors.too_many_requests(f"{whose} too many open watches and streams", 5)

    def count(self, user: User, reply: Reply) -> Reply:
        """The reply, counted for as long as it lasts if it is a stream."""
        if isinstance(reply, StreamResponse):
            produce = reply.producer

            async def counted(stream: Stream) -> None:
                self._begin(user)
                try:
                    await produce(stream)
                finally:
                    self._end(user)

            reply.producer = counted
        elif isinstance(reply, UpgradeResponse):
            handle = reply.handler

            async def tunnelled(tunnel: Tunnel) -> None:
                self._begin(user)
                try:
                    await handle(tunnel)
                finally:
                    self._end(user)

            reply.handler = tunnelled
        return reply

    def _begin(self, user: User) -> None:
        self.open += 1
        self._by_user[user.name] = self._by_user.get(user.name, 0) + 1

    def _end(self, user: User) -> None:
        self.open -= 1
        left = self._by_user[user.name] - 1
        if left:
            self._by_user[user.name] = left
        else:
            del self._by_user[user.name]
