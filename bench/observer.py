"""A client of any API server, and a watch that sees what became of each pod: by JSON alone, as anybody would.

It shares the machine with what it measures, so it reads blocks, not lines, and decodes only what it needs.

Neighbours: storm.py and churn.py measure with it.
"""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

STAGES = ("created", "bound", "running")
BLOCK = 1 << 20


class Api:
    """The API server that a kubeconfig names, by the standard library's HTTP client."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._url = urlsplit(cluster["server"])
        ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._tls = ssl.create_default_context(cadata=ca)
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for name in ("client-certificate-data", "client-key-data"):
                paths.append(Path(directory) / name)
                paths[-1].touch(mode=0o600)
                paths[-1].write_bytes(base64.b64decode(user[name]))
            self._tls.load_cert_chain(str(paths[0]), str(paths[1]))

    def connect(self, timeout: float = 60) -> HTTPSConnection:
        """A connection that can be used for many requests."""
        assert self._url.hostname is not None
        return HTTPSConnection(self._url.hostname, self._url.port, context=self._tls, timeout=timeout)

    def open(self, method: str, path: str, body: Any = None, timeout: float = 60) -> HTTPResponse:
        """Send a request on a connection of its own; the answer's body is still to be read."""
        return send(self.connect(timeout), method, path, body)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request and decode the answer.

        Raises:
            RuntimeError: the status is an error.
        """
        response = self.open(method, path, body)
        data = json.loads(response.read())
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {data.get('message')}")
        return data


def send(connection: HTTPSConnection, method: str, path: str, body: Any = None) -> HTTPResponse:
    """Send a request on a connection."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    return connection.getresponse()


class _Meta(msgspec.Struct):
    name: str = ""


class _Spec(msgspec.Struct):
    node: str = msgspec.field(default="", name="nodeName")


class _Status(msgspec.Struct):
    phase: str = ""


class _Object(msgspec.Struct):
    metadata: _Meta = msgspec.field(default_factory=_Meta)
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status | str = msgspec.field(default_factory=_Status)  # text in the Status of an error
    message: str = ""


class _Event(msgspec.Struct):
    type: str
    object: _Object


@dataclass
class Observer:
    """What a watch of pods has seen: pod -> the moment of each stage (seconds, monotonic).

    Attributes:
        pods: how many shall run; the watch ends when they do.
        done: set when it has ended, with `error` where it should not have.
        on_running: called with each pod's name in the watch's thread.
    """

    pods: int
    seen: dict[str, dict[str, float]] = field(default_factory=lambda: {stage: {} for stage in STAGES})
    done: threading.Event = field(default_factory=threading.Event)
    error: str = ""
    on_running: Any = None

    def watch(self, response: HTTPResponse) -> None:
        """Read events until every pod has run (the watch's thread)."""
        decode = msgspec.json.Decoder(_Event).decode
        rest = b""
        try:
            while block := response.read1(BLOCK):
                now = time.monotonic()
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    self._note(decode(line), now)
                if len(self.seen["running"]) >= self.pods:
                    return
            raise RuntimeError("the watch ended early")
        except (OSError, HTTPException, RuntimeError, ValueError) as error:
            self.error = str(error) or type(error).__name__
        finally:
            self.done.set()

    def _note(self, event: _Event, now: float) -> None:
        pod = event.object
        if event.type == "ERROR":
            raise RuntimeError(pod.message or "the watch was ended")
        if event.type not in ("ADDED", "MODIFIED"):
            return
        name = pod.metadata.name
        self.seen["created"].setdefault(name, now)
        if pod.spec.node:
            self.seen["bound"].setdefault(name, now)
        running = self.seen["running"]
        if isinstance(pod.status, _Status) and pod.status.phase == "Running" and name not in running:
            running[name] = now
            if self.on_running is not None:
                self.on_running(name)

    def begin(self, api: Api, path: str, timeout: float) -> None:
        """Watch the pods under `path` from now on, in a thread."""
        revision = api.call("GET", f"{path}/pods?limit=1")["metadata"]["resourceVersion"]
        stream = api.open("GET", f"{path}/pods?watch=1&resourceVersion={revision}", timeout=timeout)
        threading.Thread(target=self.watch, args=(stream,), daemon=True).start()

    def latencies(self) -> dict[str, float]:
        """How long pods took from when they were first seen until they ran (seconds, p50 and p99)."""
        created = self.seen["created"]
        took = sorted(at - created[name] for name, at in self.seen["running"].items())
        if not took:
            return {}
        return {
            "start_latency_p50_s": round(took[len(took) // 2], 3),
            "start_latency_p99_s": round(took[min(len(took) - 1, int(len(took) * 0.99))], 3),
        }
