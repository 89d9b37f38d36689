"""Listening sockets that take new connections a few at a time, and no more than a bound.

asyncio's own server takes all that wait at once; thousands of TLS handshakes then stand before every request.
Here each turn of the event loop takes a few, so that open connections go on being served meanwhile.

Neighbours: base.http.server decides whether there is room and makes the protocols.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import ssl
from collections.abc import Callable

log = logging.getLogger(__name__)

BACKLOG = 1024
"""Connections that wait in the kernel until they are taken."""

PER_TURN = 4
"""Connections that one turn of the event loop takes from a listening socket: some ms of handshakes."""

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE = 1.0  # seconds without new connections after the system had no room for one


class Acceptor:
    """Listens on every address that `host` stands for.

    Args:
        protocol: makes the protocol of a new connection.
        room: whether one more connection may be taken; one that may not is closed at once.
        ssl_context: None: plain TCP.
        handshake_timeout: seconds.
    """

    def __init__(
        self,
        protocol: Callable[[], asyncio.Protocol],
        room: Callable[[], bool],
        *,
        ssl_context: ssl.SSLContext | None,
        handshake_timeout: float,
    ) -> None:
        self._protocol = protocol
        self._room = room
        self._ssl = ssl_context
        self._timeout = handshake_timeout if ssl_context is not None else None
        self._sockets: list[socket.socket] = []
        self._handshakes: set[asyncio.Task[None]] = set()
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}
        self.refused = 0

    async def listen(self, host: str, port: int) -> int:
        """Begin; the port that is listened on.

        Raises:
            OSError: the address is in use, or may not be used.
        """
        self._loop = asyncio.get_running_loop()
        found = await self._loop.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        try:
            for family, kind, protocol, _, address in dict.fromkeys(found):
                # Port 0: what the first address was given, the others take as well.
                self._sockets.append(_listen(family, kind, protocol, (address[0], port, *address[2:])))
                port = int(self._sockets[-1].getsockname()[1])
        except OSError:
            self.close()
            raise
        for listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)
        return port

    def close(self) -> None:
        """Stop listening, and give up handshakes under way."""
        for pause in self._pauses.values():
            pause.cancel()
        for listening in self._sockets:
            if listening not in self._pauses:
                self._loop.remove_reader(listening)
            listening.close()
        self._sockets.clear()
        self._pauses.clear()
        for task in self._handshakes:
            task.cancel()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(PER_TURN):
            try:
                connection, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._pause(listening, error)
                return
            if not self._room():
                self.refused += 1
                connection.close()
                continue
            connection.setblocking(False)
            task = self._loop.create_task(self._take(connection))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _take(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._protocol, connection, ssl=self._ssl, ssl_handshake_timeout=self._timeout
            )
        except (OSError, ssl.SSLError) as error:
            log.debug("handshake failed: %s", error)
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        """The system has no room: what waits stays in the kernel for a moment."""
        log.warning("can't take connections for a moment: %s", error)
        self._loop.remove_reader(listening)

        def go_on() -> None:
            del self._pauses[listening]
            self._loop.add_reader(listening, self._accept, listening)

        self._pauses[listening] = self._loop.call_later(_PAUSE, go_on)


def _listen(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> socket.socket:
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        raise OSError(error.errno, f"can't listen on {address[0]}:{address[1]}: {why}") from None
    return listening
