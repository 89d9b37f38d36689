"""dromon exec: run a command in a container, with its streams and, with -t, a terminal.

Speaks the WebSocket protocols v5.channel.k8s.io and v4.channel.k8s.io (KEP-4006): the first byte of a
message names its channel.

Neighbours: config says where to; dromon.base.http has the WebSocket.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import os
import shutil
import signal
import sys
import termios
import threading
import tty
from typing import Any
from urllib.parse import urlencode

import click

from dromon.base.http.client import HttpClient
from dromon.base.http.websocket import UpgradeDeclined, WebSocket, connect
from dromon.cli.verbs.session import ServerError, Session, with_session
from dromon.cli.verbs.targets import by_names

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255

EXAMPLES = """\b
Examples:
  dromon exec web -- ls /
  dromon exec -it web -c server -- sh
  cat file | dromon exec -i web -- sh -c 'cat > /tmp/file'
"""


@click.command(epilog=EXAMPLES, context_settings={"ignore_unknown_options": False})
@click.argument("pod", metavar="POD | TYPE/NAME")
@click.argument("words", nargs=-1, required=True, metavar="-- COMMAND [ARGUMENT ...]")
@click.option("-c", "--container", default="", help="Which container (default: the only one).")
@click.option("-i", "--stdin", "stdin", is_flag=True, help="Pass standard input on.")
@click.option("-t", "--tty", "terminal", is_flag=True, help="Give the command a terminal.")
@with_session
def command(
    session: Session, pod: str, words: tuple[str, ...], container: str, stdin: bool, terminal: bool
) -> None:
    """Run a command in a container; exits with its exit code."""
    [target] = by_names(session, [pod] if "/" in pod else ["pods", pod])
    if terminal and not sys.stdin.isatty():
        click.echo("Unable to use a TTY - input is not a terminal or the right kind of file", err=True)
        terminal = False
    query: list[tuple[str, str]] = [("command", word) for word in words]
    query += [("stdout", "true")]
    query += [("container", container)] if container else []
    query += [("stdin", "true")] if stdin else []
    query += [("tty", "true")] if terminal else [("stderr", "true")]
    url = f"{target.kind.path(target.namespace, target.name, 'exec')}?{urlencode(query)}"
    raise SystemExit(asyncio.run(_run(session, url, stdin=stdin, terminal=terminal)))


async def _run(session: Session, url: str, *, stdin: bool, terminal: bool) -> int:
    """Connect, pass the streams both ways, and return the command's exit code."""
    target = session.target
    client = HttpClient(target.host, target.port, ssl_context=target.tls)
    headers = {"Authorization": f"Bearer {target.token}"} if target.token else {}
    try:
        socket, protocol = await connect(client, url, PROTOCOLS, headers)
    except UpgradeDeclined as error:
        await client.close()
        raise refusal(error) from error
    except OSError as error:
        await client.close()
        raise click.ClickException(f"can't run the command: {error}") from error
    saved = termios.tcgetattr(sys.stdin) if terminal and stdin else None
    sender: asyncio.Task[None] | None = None
    try:
        if saved is not None:
            tty.setraw(sys.stdin)
        if terminal:
            await _follow_size(socket)
        if stdin:
            sender = asyncio.create_task(_send(socket, closes=protocol == PROTOCOLS[0]))
        return await _receive(socket)
    finally:
        if sender is not None:
            sender.cancel()
        if saved is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, saved)
        await client.close()


def refusal(error: UpgradeDeclined) -> ServerError:
    """What the server answered in place of the upgrade: its Status, or its text where it sent none."""
    try:
        status = json.loads(error.body)
    except ValueError:
        status = None
    if not isinstance(status, dict):
        status = {"message": error.body.decode(errors="replace").strip()}
    return ServerError(error.status, status)


async def _receive(socket: WebSocket) -> int:
    """Write what the command writes; the last message on the error channel says how it ended."""
    while True:
        message = await socket.receive()
        if message is None:
            raise click.ClickException("the connection ended before the command did")
        data = message if isinstance(message, bytes) else message.encode()
        if not data:
            continue
        channel, payload = data[0], data[1:]
        if channel in (STDOUT, STDERR) and payload:
            stream = sys.stdout if channel == STDOUT else sys.stderr
            stream.buffer.write(payload)
            stream.buffer.flush()
        elif channel == ERROR:
            await socket.close()
            return exit_code(json.loads(payload))


def exit_code(status: dict[str, Any]) -> int:
    """The exit code that a Status carries: 0, the command's own, or 1 with the reason on standard error."""
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            code = int(cause["message"])
            click.echo(f"command terminated with exit code {code}", err=True)
            return code
    ServerError(status.get("code") or 500, status).show()
    return 1


async def _send(socket: WebSocket, *, closes: bool) -> None:
    """Pass standard input on, and its end where the protocol has a way to say so.

    It is read by a daemon thread, for which nobody waits when the command ends before the input does.
    """
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[bytes] = asyncio.Queue(1)

    def read() -> None:
        with contextlib.suppress(RuntimeError, concurrent.futures.CancelledError):  # the loop has ended
            data = b"more"
            while data:
                data = os.read(sys.stdin.fileno(), 65536)
                asyncio.run_coroutine_threadsafe(chunks.put(data), loop).result()

    threading.Thread(target=read, name="stdin", daemon=True).start()
    while data := await chunks.get():
        await socket.send(bytes([STDIN]) + data)
    if closes:
        await socket.send(bytes([CLOSE, STDIN]))


async def _follow_size(socket: WebSocket) -> None:
    """Tell the terminal's size, now and when it changes."""
    loop = asyncio.get_running_loop()
    pending: set[asyncio.Task[None]] = set()

    async def tell() -> None:
        size = shutil.get_terminal_size()
        text = json.dumps({"Width": size.columns, "Height": size.lines})
        await socket.send(bytes([RESIZE]) + text.encode())

    def changed() -> None:
        task = loop.create_task(tell())
        pending.add(task)
        task.add_done_callback(pending.discard)

    loop.add_signal_handler(signal.SIGWINCH, changed)
    await tell()
