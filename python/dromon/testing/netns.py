"""Network namespaces for tests of the data plane: a machine and pods of its own, gone afterwards.

Neighbours: tests/e2e for the pod network and the proxy; dromon.base.netlink switches namespaces.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from dromon.base import netlink


@dataclass
class Namespace:
    """A network namespace with servers in it.

    Attributes:
        name: as `ip netns` lists it.
    """

    name: str
    _sockets: list[socket.socket] = field(default_factory=list)

    @property
    def path(self) -> str:
        """What netlink and the pod network take."""
        return f"/run/netns/{self.name}"

    def open(self, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        """A new IPv4 socket of this namespace, with 2 s of patience."""
        made = netlink.in_namespace(self.path, lambda: socket.socket(socket.AF_INET, kind))
        made.settimeout(2.0)
        return made

    def run(self, *command: str) -> str:
        """Run a command inside; its stdout."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def serve(self, port: int, *, udp: bool = False) -> None:
        """Answer every TCP connection or datagram at `port` with "<name> <client's address>"."""
        listener = self.open(socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        listener.settimeout(None)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", port))
        if not udp:
            listener.listen(128)
        self._sockets.append(listener)
        threading.Thread(target=self._answer, args=(listener, udp), daemon=True).start()

    def _answer(self, listener: socket.socket, udp: bool) -> None:
        with contextlib.suppress(OSError):
            while True:
                if udp:
                    _, peer = listener.recvfrom(2048)
                    if peer is None:  # shut down
                        return
                    listener.sendto(f"{self.name} {peer[0]}".encode(), peer)
                else:
                    connection, peer = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.sendall(f"{self.name} {peer[0]}".encode())

    def ask(self, address: str, port: int, *, udp: bool = False) -> tuple[str, str]:
        """Ask a server of `serve` from here.

        Returns:
            the name of who answered, and the address that it saw.

        Raises:
            OSError: refused, unreachable or (TimeoutError) no answer within 2 s.
        """
        with self.open(socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as client:
            client.connect((address, port))
            if udp:
                client.send(b"?")
            name, _, seen = client.recv(2048).decode().partition(" ")
            return name, seen

    def close(self) -> None:
        """Stop the servers."""
        for listener in self._sockets:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._sockets.clear()


@contextlib.contextmanager
def namespace(name: str) -> Iterator[Namespace]:
    """A new namespace, its loopback up; removed at the end with everything in it."""
    unique = f"dromon-{os.getpid()}-{name}"
    subprocess.run(["ip", "netns", "add", unique], check=True, timeout=30)
    made = Namespace(unique)
    try:
        made.run("ip", "link", "set", "lo", "up")
        yield made
    finally:
        made.close()
        subprocess.run(["ip", "netns", "del", unique], check=False, timeout=30)


@contextlib.contextmanager
def entered(inside: Namespace) -> Iterator[None]:
    """Move the calling thread, and the threads and processes that it starts, into a namespace."""
    with netlink.inside(inside.path):
        yield
