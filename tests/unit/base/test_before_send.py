"""`before_send`: nothing leaves unless it allows, and what it allowed leaves at once."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from dromon.base.http.client import HttpClient
from dromon.base.http.messages import Reply, Request, Response
from dromon.base.http.server import HttpServer
from dromon.base.pki import Authority

END = b"the end"


class Refused(ConnectionError):
    """What the test's callback raises."""


def refuse() -> None:
    raise Refused("not now")


async def test_a_refused_request_never_reaches_the_server() -> None:
    seen: list[str] = []

    async def handle(request: Request) -> Reply:
        seen.append(request.target)
        return Response(200, b"ok")

    server = HttpServer(handle)
    await server.start()
    client = HttpClient("127.0.0.1", server.port)
    for body in (b"", b"small", b"x" * 300_000):
        with pytest.raises(Refused):
            await client.request("POST", "/refused", body=body, before_send=refuse)
        with pytest.raises(Refused):
            await client.stream("POST", "/refused", body=body, before_send=refuse)
    assert (await client.request("POST", "/allowed", body=b"b", before_send=lambda: None)).status == 200
    assert seen == ["/allowed"]
    await client.close()
    await server.close(0.2)


async def test_it_is_asked_after_the_wait_for_a_connection() -> None:
    """The wait may be long: what was allowed before it says nothing about now."""
    release = asyncio.Event()
    allowed = True

    async def handle(request: Request) -> Reply:
        await release.wait()
        return Response(200)

    def ask() -> None:
        if not allowed:
            raise Refused

    server = HttpServer(handle)
    await server.start()
    client = HttpClient("127.0.0.1", server.port, max_connections=1)
    first = asyncio.create_task(client.request("POST", "/", before_send=ask))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(client.request("POST", "/", before_send=ask))
    await asyncio.sleep(0)
    allowed = False
    release.set()
    assert (await first).status == 200
    with pytest.raises(Refused):
        await second
    await client.close()
    await server.close(0.2)


def listen(context: ssl.SSLContext | None) -> tuple[int, threading.Event]:
    """A server in a thread of its own: its port, and what is set when all of a second request has come."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(30)
    # As on a network: the loopback's own segments are so large that its buffers are, too.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1460)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    arrived = threading.Event()

    def serve() -> None:
        with listener:
            peer, _ = listener.accept()
        peer.settimeout(30)
        if context is not None:
            peer = context.wrap_socket(peer, server_side=True)
        with peer:
            for number in range(2):
                data = b""
                while not data.endswith(END):
                    data += peer.recv(65536)
                if number:
                    arrived.set()
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()[1], arrived


@pytest.mark.parametrize("size", [1, 100_000], ids=["small", "large"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", [uvloop.new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def test_what_was_allowed_is_with_the_kernel_before_the_loop_turns(
    tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop], tls: bool, size: int
) -> None:
    """Else a process that is stopped in between would send it when it goes on, whatever happened since."""
    server_side = client_side = None
    if tls:
        authority = Authority.ensure(tmp_path, time.time())
        pair = authority.server("s", common_name="s", names=["127.0.0.1"])
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_side.load_cert_chain(pair.certificate, pair.key)
        client_side = ssl.create_default_context(cafile=str(authority.ca_file))
    port, arrived = listen(server_side)
    order: list[str] = []

    def block() -> None:
        # In the same turn as the request's first step, and behind it: the loop writes nothing meanwhile.
        order.append("arrived" if arrived.wait(10) else "not sent")

    async def main() -> None:
        client = HttpClient("127.0.0.1", port, ssl_context=client_side)
        await client.request("POST", "/", body=END)
        body = b"b" * size + END
        task = asyncio.create_task(
            client.request("POST", "/", body=body, before_send=lambda: order.append("allowed"))
        )
        asyncio.get_running_loop().call_soon(block)
        assert (await task).status == 200
        await client.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())
    assert order == ["allowed", "arrived"]
