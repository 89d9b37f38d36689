"""exec and attach over WebSockets: several byte streams and a final Status on one connection.

A message is one byte of channel and then data: 0 stdin, 1 stdout, 2 stderr, 3 the Status, 4 terminal sizes.
With v5 the message 255, n says that channel n has no more (standard input ends).

Sources: KEP-4006, Kubernetes remotecommand protocols v4.channel.k8s.io and v5.channel.k8s.io.

Neighbours: app routes here, runtime runs the command.
"""

from __future__ import annotations

import asyncio
import contextlib

import msgspec

from dromon.api import errors
from dromon.api.types.base import Api
from dromon.api.types.status import Status, StatusCause, StatusDetails
from dromon.base.http.flow import ConnectionClosed
from dromon.base.http.messages import Reply, Request
from dromon.base.http.websocket import WebSocket, accept
from dromon.kubelet.runtime.interface import Container, Runtime, RuntimeFailure, Session, State
from dromon.kubelet.worker import PodWorker

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
CLOSE = 255


class _Size(Api, rename=None):
    """What arrives on the resize channel."""

    Width: int = 0
    Height: int = 0


async def exec_(request: Request, worker: PodWorker, container: str, runtime: Runtime) -> Reply:
    """GET /exec/<namespace>/<pod>/<container>?command=..."""
    command = tuple(request.params.get("command", []))
    if not command:
        raise errors.bad_request("you must specify at least 1 command for the container")
    run = running(worker, container)
    tty, stdin = _flag(request, "tty"), _flag(request, "stdin", "input")

    async def serve(socket: WebSocket, protocol: str) -> None:
        try:
            session = await runtime.open_exec(run.id, command, tty=tty, stdin=stdin)
        except RuntimeFailure as error:
            await _finish(socket, _internal(str(error)))
            return
        await _relay(socket, session, stdin=stdin)

    return accept(request, PROTOCOLS, serve)


async def attach(request: Request, worker: PodWorker, container: str, runtime: Runtime) -> Reply:
    """GET /attach/<namespace>/<pod>/<container>."""
    run = running(worker, container)
    spec = next(
        c for c in (*worker.pod.spec.init_containers, *worker.pod.spec.containers) if c.name == container
    )
    stdin = _flag(request, "stdin", "input") and spec.stdin

    async def serve(socket: WebSocket, protocol: str) -> None:
        try:
            session = await runtime.open_attach(run.id, tty=spec.tty, stdin=stdin)
        except RuntimeFailure as error:
            await _finish(socket, _internal(str(error)))
            return
        await _relay(socket, session, stdin=stdin)

    return accept(request, PROTOCOLS, serve)


def running(worker: PodWorker, container: str) -> Container:
    """The container's running run.

    Raises:
        ApiError: 500 when it does not run, as upstream's kubelet answers.
    """
    runs = worker.runs(container)
    if not runs or runs[0].state is not State.RUNNING:
        raise errors.make(500, "InternalError", f'container not found ("{container}")')
    return runs[0]


def _flag(request: Request, *names: str) -> bool:
    return any(request.params.get(n, [""])[0].lower() in ("true", "1") for n in names)


async def _relay(socket: WebSocket, session: Session, *, stdin: bool) -> None:
    """Copy both ways until the command ends or the client leaves."""
    feeding = asyncio.ensure_future(_feed(socket, session, stdin))
    showing = asyncio.ensure_future(_show(socket, session))
    try:
        await asyncio.wait({feeding, showing}, return_when=asyncio.FIRST_COMPLETED)
        if showing.done() and not showing.cancelled() and showing.exception() is None:
            await _finish(socket, _ended(await session.exit_code()))
    except RuntimeFailure as error:
        await _finish(socket, _internal(str(error)))
    finally:
        for task in (feeding, showing):
            task.cancel()
        await asyncio.gather(feeding, showing, return_exceptions=True)
        await session.close()


async def _feed(socket: WebSocket, session: Session, stdin: bool) -> None:
    """Client to command; returns when the client left."""
    while (message := await socket.receive()) is not None:
        data = message.encode() if isinstance(message, str) else message
        if not data:
            continue
        channel, rest = data[0], data[1:]
        if channel == STDIN and stdin:
            await session.write(rest)
        elif channel == RESIZE:
            with contextlib.suppress(msgspec.DecodeError):
                size = msgspec.json.decode(rest, type=_Size)
                await session.resize(size.Width, size.Height)
        elif channel == CLOSE and rest[:1] == bytes([STDIN]):
            await session.close_stdin()


async def _show(socket: WebSocket, session: Session) -> None:
    """Command to client; returns when the command's output ended."""
    await socket.send(bytes([STDOUT]))  # an empty message tells the client that the streams stand
    while (frame := await session.read()) is not None:
        await socket.send(bytes([frame[0]]) + frame[1])


async def _finish(socket: WebSocket, status: Status) -> None:
    with contextlib.suppress(ConnectionClosed):
        await socket.send(bytes([ERROR]) + msgspec.json.encode(status))
        await socket.close()


def _ended(code: int) -> Status:
    if code == 0:
        return Status(status="Success")
    cause = StatusCause(reason="ExitCode", message=str(code))
    return Status(
        status="Failure",
        reason="NonZeroExitCode",
        message=f"command terminated with non-zero exit code: exit status {code}",
        details=StatusDetails(causes=[cause]),
    )


def _internal(message: str) -> Status:
    return Status(
        status="Failure",
        reason="InternalError",
        message=f"Internal error occurred: {message}",
        code=500,
        details=StatusDetails(causes=[StatusCause(message=message)]),
    )
