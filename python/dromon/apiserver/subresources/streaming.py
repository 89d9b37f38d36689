"""pods/<name>/exec, attach and portforward: a WebSocket connection, tunnelled to the kubelet byte for byte.

The handshake is the kubelet's: the client's Sec-WebSocket-* headers go there, its answer's come back.
Source: KEP-4006 (WebSockets in place of SPDY); RFC 6455.

Neighbours: dromon.apiserver.kubelets connects; the kubelet serves /exec, /attach and /portForward.
"""

from __future__ import annotations

import asyncio
from typing import NoReturn
from urllib.parse import quote, urlencode

from dromon.api import errors
from dromon.api.types.node import Node
from dromon.apiserver.call import Call
from dromon.apiserver.subresources import upstream
from dromon.apiserver.subresources.pods import container_of, node_of, pod_of
from dromon.base.http.flow import ConnectionClosed, Tunnel
from dromon.base.http.messages import Reply, UpgradeResponse

_LINGER = 5.0
"""Seconds that one direction may go on after the other one has ended."""

_STREAMS = ("stdin", "stdout", "stderr", "tty")
_ANSWERED = (
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
)


async def exec_(call: Call) -> Reply:
    """Run a command in a container."""
    commands = call.request.params.get("command", [])
    if not commands:
        raise errors.bad_request("you must specify at least 1 command for the container")
    return await _container(call, "exec", [("command", c) for c in commands])


async def attach(call: Call) -> Reply:
    """Join the streams of a container's main process."""
    return await _container(call, "attach", [])


async def port_forward(call: Call) -> Reply:
    """Connections to a pod's ports."""
    pod = await pod_of(call)
    node = node_of(call, pod)
    path = "/".join(quote(p, safe="") for p in (pod.metadata.namespace, pod.metadata.name))
    ports = [("ports", p) for p in call.request.params.get("ports", [])]
    return await _tunnel(call, node, f"/portForward/{path}", ports)


async def _container(call: Call, what: str, asked: list[tuple[str, str]]) -> Reply:
    pod = await pod_of(call)
    container = container_of(pod, call.param("container"))
    if pod.status.phase in ("Succeeded", "Failed"):
        text = f"cannot exec into a container in a completed pod; current phase is {pod.status.phase}"
        raise errors.bad_request(text.replace("exec", what))
    node = node_of(call, pod)
    if not any(call.flag(s) for s in _STREAMS[:3]):
        raise errors.bad_request("you must specify at least one of stdin, stdout, stderr")
    asked = asked + [(s, "true") for s in _STREAMS if call.flag(s)]
    path = "/".join(quote(p, safe="") for p in (pod.metadata.namespace, pod.metadata.name, container))
    return await _tunnel(call, node, f"/{what}/{path}", asked)


async def _tunnel(call: Call, node: Node, path: str, asked: list[tuple[str, str]]) -> Reply:
    headers = call.request.headers
    target = path + (f"?{urlencode(asked)}" if asked else "")
    if headers.get("upgrade").lower() != "websocket":
        await _decline(call, node, target)
    passed = {k: v for k, v in headers.items() if k.lower().startswith("sec-websocket-")}
    passed |= {"Upgrade": "websocket", "Connection": "Upgrade"}
    answer, kubelet = await upstream.tunnel(call, node, target, passed)

    async def handle(client: Tunnel) -> None:
        pumps = [asyncio.ensure_future(p) for p in (_pump(client, kubelet), _pump(kubelet, client))]
        try:
            # When one side has ended the other one may still say what it has to, but not for ever.
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait(pumps, timeout=_LINGER)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            kubelet.close()

    return UpgradeResponse(handle, {n: answer.get(n) for n in _ANSWERED if answer.get(n)})


async def _decline(call: Call, node: Node, target: str) -> NoReturn:
    """Refuse what is no WebSocket.

    kubectl asks again by SPDY whenever a WebSocket is refused, and shows only the second refusal. So the
    kubelet is asked without an upgrade, which starts nothing, whether it has another reason to refuse.
    """
    try:
        source = await upstream.stream(call, node, target)
        await source.aclose()
    except errors.ApiError as error:
        if error.code != 400:
            raise
    raise errors.bad_request(
        "Upgrade request required: this server speaks WebSocket (kubectl 1.31 and newer), not SPDY"
    )


async def _pump(source: Tunnel, sink: Tunnel) -> None:
    """Copy one direction until its end, at the pace of the slower side."""
    try:
        while data := await source.read():
            sink.write(data)
            await sink.drain()
        sink.write_eof()
    except ConnectionClosed:
        source.close()
        sink.close()
