"""A real apiserver inside a test: memory store, generated certificates, HTTPS on any free port.

    async with running_apiserver() as api:
        client = Client.from_kubeconfig(str(api.kubeconfig))

Neighbours: dromon.apiserver.server is what runs, base.pki makes the certificates; tests of every component
and authors of controllers use it.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from dromon.apiserver.config import ApiServerConfig
from dromon.apiserver.server import ApiServer
from dromon.base.clock import Clock, SystemClock
from dromon.base.http.client import HttpClient
from dromon.base.http.messages import Headers
from dromon.base.pki import Authority
from dromon.client import kubeconfig
from dromon.client.config import ClientConfig

TOKEN = "test-token"  # noqa: S105 (of a server that lives as long as one test)
ADMIN = "kubernetes-admin"
LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response.

    Attributes:
        status: 200, ...
        headers: its header fields.
        body: as it came.
    """

    status: int
    headers: Headers
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded JSON body."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class RunningApiServer:
    """An apiserver that answers.

    Attributes:
        url: "https://127.0.0.1:40123".
        ca_file: PEM of the CA.
        token: a bearer token of an administrator.
        kubeconfig: path of one with the CA and an administrator's client certificate.
        pki: signs further certificates.
        server: the server itself, for its store and registry.
        http: a client that verifies the server and shows nothing of itself.
    """

    url: str
    ca_file: Path
    token: str
    kubeconfig: Path
    pki: Authority
    server: ApiServer
    http: HttpClient

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        **headers: str,
    ) -> Answer:
        """One request with the administrator's token, below any client library.

        Args:
            body: bytes as they are; anything else as JSON.
            headers: further header fields, underscores for dashes; authorization="" sends no token.
        """
        fields = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        fields |= {k.replace("_", "-").title(): v for k, v in headers.items()}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = await self.http.request(method, path, {k: v for k, v in fields.items() if v}, data)
        return Answer(answer.status, answer.headers, answer.body)

    def kubeconfig_for(self, user: str, groups: tuple[str, ...] = ()) -> Path:
        """Path of a kubeconfig with a client certificate of another user."""
        name = user.replace(":", "-").replace("/", "-")
        pair = self.pki.client(name, user=user, groups=groups)
        path = self.kubeconfig.with_name(f"{name}.kubeconfig")
        config = ClientConfig(
            server=self.url,
            ca=self.ca_file.read_bytes(),
            certificate=pair.certificate.read_bytes(),
            key=pair.key.read_bytes(),
        )
        kubeconfig.write(path, config, user=user)
        return path


@contextlib.asynccontextmanager
async def running_apiserver(
    *,
    clock: Clock | None = None,
    store_url: str = "memory://",
    directory: Path | None = None,
    seed: int = 0,
    **settings: Any,
) -> AsyncIterator[RunningApiServer]:
    """Run an apiserver until the block ends.

    Args:
        clock: of the server; certificates are always made for the machine's time.
        store_url: for tests that need what they write to outlive the server.
        directory: for certificates, tokens and kubeconfigs; None: a temporary one.
        seed: of names, uids and addresses: runs are repeatable.
        settings: further fields of ApiServerConfig.
    """
    with contextlib.ExitStack() as stack:
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dromon-test-")))
        pki = Authority.ensure(directory / "pki", time.time())
        config = replace(_config(directory, pki), store_url=store_url, **settings)
        server = ApiServer(config, clock=clock or SystemClock(), random=Random(seed))  # noqa: S311
        try:
            await server.start()
            url = f"https://127.0.0.1:{server.port}"
            path = directory / "kubeconfig"
            context = ssl.create_default_context(cafile=str(pki.ca_file))
            http = HttpClient("127.0.0.1", server.port, ssl_context=context)
            running = RunningApiServer(url, pki.ca_file, TOKEN, path, pki, server, http)
            running.kubeconfig_for(ADMIN, ("system:masters",)).replace(path)
            try:
                yield running
            finally:
                await http.close()
        finally:
            await server.close()


def _config(directory: Path, pki: Authority) -> ApiServerConfig:
    serving = pki.server("apiserver", common_name="kube-apiserver", names=LOOPBACK)
    kubelet = pki.client(
        "apiserver-kubelet", user="kube-apiserver-kubelet-client", groups=("system:masters",)
    )
    tokens = directory / "tokens.csv"
    tokens.touch(mode=0o600)
    tokens.write_text(f'{TOKEN},admin,1,"system:masters"\n')
    return ApiServerConfig(
        port=0,
        cert_file=str(serving.certificate),
        key_file=str(serving.key),
        client_ca_file=str(pki.ca_file),
        token_file=str(tokens),
        kubelet_client_cert_file=str(kubelet.certificate),
        kubelet_client_key_file=str(kubelet.key),
        ca_file=str(pki.ca_file),
    )
