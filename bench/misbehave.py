"""A client that misbehaves, as a process of its own: it asks for far more than it reads, and never backs off.

- deaf lists: LISTs whose answers are never read;
- greedy lists: LISTs that are asked for again as soon as they are answered, 429 or not;
- deaf watches: watches that are never read;
- creators: connections that create objects without a pause.

Prints one line of JSON when SECONDS are over: what it was answered.

Neighbours: bench_overload.py starts it and measures others meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import ssl
import time
from collections import Counter
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import httptools
import uvloop

AT_ONCE = 100
"""Handshakes under way."""

LIST = "/api/v1/configmaps"
TARGET = "/api/v1/namespaces/default/secrets"


class Peer(asyncio.Protocol):
    """One connection.

    Args:
        ask: makes the next request.
        deaf: never read.
        answers: where status codes are counted; None is a connection that was lost.
    """

    def __init__(self, ask: Callable[[], bytes], deaf: bool, answers: Counter[int | None]) -> None:
        self._ask = ask
        self._deaf = deaf
        self._answers = answers
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._ask())
        if self._deaf:
            self._transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._answers[self._parser.get_status_code()] += 1
        if not self._transport.is_closing():
            self._transport.write(self._ask())

    def connection_lost(self, error: Exception | None) -> None:
        self._answers[None] += 1


def get(path: str) -> Callable[[], bytes]:
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: misbehave\r\n\r\n".encode()
    return lambda: request


def creations() -> Callable[[], bytes]:
    """Secrets with a kilobyte each, under ever new names."""
    numbers = itertools.count()

    def make() -> bytes:
        meta = {"name": f"noise-{next(numbers)}", "namespace": "default"}
        body = json.dumps(
            {"kind": "Secret", "apiVersion": "v1", "metadata": meta, "stringData": {"a": "x" * 1000}}
        ).encode()
        head = f"POST {TARGET} HTTP/1.1\r\nHost: x\r\nUser-Agent: misbehave\r\n"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    return make


async def misbehave(arguments: argparse.Namespace) -> dict[str, object]:
    """Open everything, hold on for a time, and say what came of it."""
    url = urlsplit(arguments.url)
    tls = ssl.create_default_context(cafile=arguments.ca)
    tls.load_cert_chain(arguments.cert, arguments.key)
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(AT_ONCE)
    counts: dict[str, Counter[int | None]] = {}
    began = time.monotonic()

    async def connect(kind: str, ask: Callable[[], bytes], deaf: bool) -> None:
        answers = counts.setdefault(kind, Counter())
        async with gate:
            try:
                await loop.create_connection(
                    lambda: Peer(ask, deaf, answers), url.hostname, url.port, ssl=tls
                )
            except OSError:
                answers[None] += 1

    list_, watch, create = get(LIST), get(f"{LIST}?watch=1"), creations()
    watch_created = get(f"{TARGET}?watch=1")
    wanted = [("create", create, False)] * arguments.creators
    wanted += [("deaf list", list_, True), ("greedy list", list_, False)] * (arguments.lists // 2)
    wanted += [("deaf watch", watch, True), ("deaf watch", watch_created, True)] * (arguments.watches // 2)
    tasks = [asyncio.create_task(connect(*one)) for one in wanted]
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*tasks), arguments.seconds)
    opened = time.monotonic() - began
    await asyncio.sleep(max(0.0, arguments.seconds - opened))
    return {
        "opened_in": round(opened, 1),
        **{
            kind: {"lost" if code is None else str(code): n for code, n in sorted(found.items(), key=str)}
            for kind, found in counts.items()
        },
    }


def main() -> None:
    """Parse, misbehave, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("url", "ca", "cert", "key"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("lists", "watches", "creators"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    print(json.dumps(uvloop.run(misbehave(parser.parse_args()))))


if __name__ == "__main__":
    main()
