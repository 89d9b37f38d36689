"""A stream of malformed requests leaves the server answering and nothing half-written."""

from __future__ import annotations

import base64
import json
import os
import random
import socket
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

REQUESTS = int(os.environ.get("DROMON_FUZZ_REQUESTS", "10000"))

METHODS = [b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"HEAD", b"BREW", b"\xff\x00"]
PATHS = [
    b"/api/v1/namespaces/fuzz/configmaps",
    b"/api/v1/namespaces/fuzz/pods",
    b"/api/v1/namespaces/fuzz/pods/x/status",
    b"/api/v1/namespaces/fuzz/bindings",
    b"/api/v1/nodes/%00",
    b"/api/v1/namespaces/%2e%2e/secrets",
    b"/apis/coordination.k8s.io/v1/namespaces/fuzz/leases?limit=-1&continue=%%%",
    b"/api/v1/pods?labelSelector=((&fieldSelector=a=b=c",
    b"/apis//v1/",
    b"/api/v1/namespaces/fuzz/services/x/scale",
]
TYPES = [
    b"application/json",
    b"application/msgpack",
    b"application/vnd.kubernetes.protobuf",
    b"application/merge-patch+json",
    b"application/strategic-merge-patch+json",
    b"application/json-patch+json",
    b"text/\xff",
]
BODIES = [
    b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"half',
    b'{"kind":"Pod","metadata":{"name":"p"},"spec":{"containers":"none"}}',
    b'{"metadata":{"name":"x","labels":{"a":[1,2]}}}',
    b"[" * 5000,
    b'{"metadata":{"name":"\xff\xfe"}}',
    b"k8s\x00\x0a\xff\xff\xff\xff\x0f",
    b"\xc1\xc1\xc1",
    b'[{"op":"replace","path":"/metadata/~2"}]',
    b'{"spec":{"$patch":"explode"}}',
    b'{"metadata":{"name":1e999}}',
    b"null",
    b"",
]


def credentials(kubeconfig: Path, directory: Path) -> tuple[Any, ssl.SSLContext]:
    """The server's URL, and a TLS context with the admin's certificate."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(
        cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
    )
    files = []
    for name in ("client-certificate-data", "client-key-data"):
        files.append(directory / name)
        files[-1].write_bytes(base64.b64decode(user[name]))
    context.load_cert_chain(str(files[0]), str(files[1]))
    return urlsplit(cluster["server"]), context


def request(rng: random.Random) -> bytes:
    """One request, wrong in one of many ways."""
    body = bytearray(rng.choice(BODIES))
    for _ in range(rng.randrange(3)):
        if body:
            body[rng.randrange(len(body))] = rng.randrange(256)
    length = b"%d" % len(body)
    if rng.random() < 0.05:
        length = rng.choice([b"-1", b"99999999999", b"x", b"0"])
    head = [
        rng.choice(METHODS) + b" " + rng.choice(PATHS) + b" HTTP/1.1",
        b"Host: fuzz",
        b"Content-Type: " + rng.choice(TYPES),
        b"Content-Length: " + length,
    ]
    if rng.random() < 0.05:
        head.append(bytes(rng.randrange(256) for _ in range(20)))
    if rng.random() < 0.02:
        head.append(b"X-Long: " + b"y" * 70_000)
    return b"\r\n".join(head) + b"\r\n\r\n" + bytes(body)


class Connection:
    """A keep-alive connection that is made anew when the server closes it."""

    def __init__(self, url: Any, context: ssl.SSLContext) -> None:
        self._url, self._context = url, context
        self._socket: ssl.SSLSocket | None = None

    def send(self, data: bytes) -> bytes:
        """Send raw bytes and read what comes at once."""
        if self._socket is None:
            raw = socket.create_connection((self._url.hostname, self._url.port), timeout=0.5)
            # As every HTTP client does: else a request waits for the acknowledgement of the handshake.
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = self._context.wrap_socket(raw, server_hostname=self._url.hostname)
        try:
            self._socket.sendall(data)
            answer = self._socket.recv(65536)
        except OSError:
            answer = b""
        if not answer or b"\r\nconnection: close" in answer.lower() or b" 500 " in answer[:20]:
            self.close()
        return answer

    def close(self) -> None:
        """End the connection; the next request makes a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


@pytest.mark.kubectl
def test_malformed_requests_do_no_harm(hollow_cluster: Any, tmp_path: Path) -> None:
    hollow_cluster.kubectl("create", "namespace", "fuzz")
    # Elsewhere, for some of these requests are well-formed deletions of everything in their namespace.
    hollow_cluster.kubectl("create", "-n", "default", "configmap", "witness", "--from-literal=a=b")
    url, context = credentials(hollow_cluster.directory / "kubeconfig", tmp_path)
    rng = random.Random(20141122)
    connection = Connection(url, context)
    crashes = []
    for _ in range(REQUESTS):
        data = request(rng)
        answer = connection.send(data)
        if b" 500 " in answer[:20]:
            crashes.append((data[:300], answer[-400:]))
    connection.close()
    log = (hollow_cluster.directory / "logs" / "apiserver.log").read_text()
    assert not crashes, f"{crashes[:3]}\n{log[-3000:]}"
    witness = json.loads(hollow_cluster.kubectl("get", "-n", "default", "cm", "witness", "-o", "json"))
    assert witness["data"] == {"a": "b"}
    for kind in ("pods", "configmaps", "secrets", "services", "leases"):
        for item in json.loads(hollow_cluster.kubectl("get", kind, "-n", "fuzz", "-o", "json"))["items"]:
            assert item["metadata"]["uid"]
            assert item["metadata"]["name"]
    hollow_cluster.kubectl("delete", "namespace", "fuzz", "--wait=false")
