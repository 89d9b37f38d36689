"""HTTP: requests a second that dromon.base.http serves and sends, without TLS, both ends in one process.

Neighbours: dromon.base.http.server and .client; the API path is built on them.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop

from dromon.base.http.client import HttpClient
from dromon.base.http.messages import Request, Response
from dromon.base.http.server import HttpServer

BODY = b"x" * 1350
CONNECTIONS = 32
REQUESTS = 100


async def echo_length(request: Request) -> Response:
    """Answer with the length of the body."""
    return Response(200, b"%d" % len(request.body), "text/plain")


async def exchange(client: HttpClient) -> int:
    """POST over one connection again and again; returns how many were answered rightly."""
    right = 0
    for _ in range(REQUESTS):
        answer = await client.request("POST", "/", {}, BODY)
        right += answer.status == 200 and answer.body == b"1350"
    return right


@pytest.mark.parametrize("connections", [1, CONNECTIONS])
def test_posts(benchmark: Any, connections: int) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        server = HttpServer(echo_length, host="127.0.0.1", port=0)
        runner.run(server.start())
        client = HttpClient("127.0.0.1", server.port, max_connections=connections)

        async def all_of_them() -> int:
            return sum(await asyncio.gather(*(exchange(client) for _ in range(connections))))

        def run() -> int:
            return runner.run(all_of_them())

        assert run() == connections * REQUESTS
        benchmark.pedantic(run, rounds=5)
        if benchmark.stats:
            rate = connections * REQUESTS / benchmark.stats.stats.median
            benchmark.extra_info["requests_per_second"] = round(rate)
        runner.run(client.close())
        runner.run(server.close(1.0))
