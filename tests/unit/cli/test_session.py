"""The verbs' connection: several servers in a kubeconfig, of which one answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import pytest

from dromon.cli.verbs import config
from dromon.cli.verbs.session import Session
from dromon.client import kubeconfig
from dromon.client.config import ClientConfig


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"kind": "Answer"}')

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def nobody() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def session(directory: Path, *servers: str) -> Session:
    kubeconfig.write(directory / "kubeconfig", ClientConfig(servers[0], others=servers[1:]))
    return Session(config.load(directory / "kubeconfig"))


def test_the_next_server_is_asked_when_one_is_gone(tmp_path: Path, server: str) -> None:
    asked = session(tmp_path, nobody(), server, nobody())
    assert asked.call("GET", "/") == {"kind": "Answer"}
    assert f"http://{asked.target.host}:{asked.target.port}" == server, "it is kept"
    assert len(asked.target.others) == 2
    with asked.stream("/", {}, timeout=5) as answer:
        assert answer.read() == b'{"kind": "Answer"}'


def test_none_answers(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match=r"failed: .*refused.*is the cluster up"):
        session(tmp_path, nobody(), nobody()).call("GET", "/")
