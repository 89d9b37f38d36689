"""Asking a kubelet, and making its refusals ours.

Neighbours: logs and streaming; dromon.apiserver.kubelets has the connections.
"""

from __future__ import annotations

import ssl

import msgspec

from dromon.api import errors
from dromon.api.types.node import Node
from dromon.api.types.status import Status
from dromon.apiserver.call import Call
from dromon.base.http.client import ClientStream
from dromon.base.http.flow import Tunnel
from dromon.base.http.messages import Headers

_ERROR_LIMIT = 64 << 10
"""Bytes of a kubelet's refusal that are read."""

UNREACHABLE = (OSError, ssl.SSLError, TimeoutError)


async def stream(call: Call, node: Node, target: str) -> ClientStream:
    """The body of GET `target` on the node's kubelet, as it comes.

    Raises:
        ApiError: the kubelet's refusal, or 500 when it can't be reached.
    """
    client = call.services.kubelets.client(node)
    try:
        source = await client.stream("GET", target)
    except UNREACHABLE as e:
        raise unreachable(node, e) from None
    if source.status == 200:
        return source
    body = b""
    async for chunk in source:
        body += chunk
        if len(body) > _ERROR_LIMIT:
            break
    await source.aclose()
    raise refusal(source.status, body)


async def tunnel(call: Call, node: Node, target: str, headers: dict[str, str]) -> tuple[Headers, Tunnel]:
    """An upgraded connection to the node's kubelet and the headers of its 101.

    Raises:
        ApiError: the kubelet's refusal, or 500 when it can't be reached.
    """
    client = call.services.kubelets.client(node)
    try:
        answer, made = await client.upgrade(target, headers)
    except UNREACHABLE as e:
        raise unreachable(node, e) from None
    if made is None:
        raise refusal(answer.status, answer.body)
    return answer.headers, made


def unreachable(node: Node, error: BaseException) -> errors.ApiError:
    """500: the kubelet does not answer, and why."""
    why = str(error) or type(error).__name__
    return errors.internal(f"error dialing the kubelet of node {node.metadata.name}: {why}")


def refusal(code: int, body: bytes) -> errors.ApiError:
    """A kubelet's refusal as ours: its Status where it sent one, else its text."""
    try:
        status = msgspec.json.decode(body, type=Status)
        if status.kind == "Status" and status.code >= 400:
            return errors.ApiError(status)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass
    text = body.decode("utf-8", "replace").strip() or "the kubelet gave no reason"
    if code == 404:
        return errors.make(404, "NotFound", text)
    if code == 400:
        return errors.bad_request(text)
    return errors.internal(f"the kubelet answered {code}: {text}")
