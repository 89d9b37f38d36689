"""Routes of the kubelet's API and who may use them.

Every request needs a certificate of the cluster's CA; all but /healthz need the apiserver's, or an
administrator's (group system:masters): whoever may come here may run commands in every pod.

Neighbours: logs, remote and stats answer; agent has the pods; the apiserver's subresources ask.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import msgspec

from dromon.api import errors
from dromon.api.errors import ApiError
from dromon.api.types.pod import Pod, PodList
from dromon.base import pki
from dromon.base.http.messages import Reply, Request, Response
from dromon.base.http.server import HttpServer
from dromon.kubelet.runtime.interface import Runtime
from dromon.kubelet.server import logs, remote, stats
from dromon.kubelet.worker import PodWorker

log = logging.getLogger(__name__)

APISERVER_USER = "kube-apiserver-kubelet-client"
ADMIN_GROUP = "system:masters"
JSON = "application/json"


class Pods(Protocol):
    """Where the server finds pods: an agent, or all of a hollow process."""

    def find(self, namespace: str, name: str) -> PodWorker | None: ...

    def workers(self) -> Iterable[PodWorker]: ...

    def runtime_of(self, worker: PodWorker) -> Runtime: ...


class KubeletServer:
    """The kubelet's API.

    Args:
        pods: whose containers it serves.
        node_name: for stats.
        cert_file, key_file: serving certificate.  client_ca_file: who signs clients' certificates.
    """

    def __init__(
        self,
        pods: Pods,
        node_name: str,
        *,
        bind: str,
        port: int,
        cert_file: str,
        key_file: str,
        client_ca_file: str,
    ) -> None:
        self._pods, self._node_name = pods, node_name
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert_file, key_file)
        if client_ca_file:
            context.load_verify_locations(client_ca_file)
            context.verify_mode = ssl.CERT_OPTIONAL
        self._http = HttpServer(self.handle, host=bind, port=port, ssl_context=context)

    @property
    def port(self) -> int:
        """The port that is listened on, after `start`."""
        return self._http.port

    async def start(self) -> None:
        """Listen."""
        await self._http.start()

    async def close(self) -> None:
        """Stop; open streams get a second."""
        await self._http.close(1.0)

    async def handle(self, request: Request) -> Reply:
        """Answer one request; refusals are Status objects."""
        try:
            if request.path == "/healthz":
                return Response(200, b"ok", "text/plain")
            self._authorize(request)
            return await self._route(request)
        except ApiError as error:
            return Response(error.code, msgspec.json.encode(error.status), JSON)

    def _authorize(self, request: Request) -> None:
        if request.certificate is None:
            raise errors.unauthorized()
        try:
            user, groups = pki.subject(request.certificate)
        except ValueError:
            raise errors.unauthorized() from None
        if user != APISERVER_USER and ADMIN_GROUP not in groups:
            raise errors.make(403, "Forbidden", f'user "{user}" may not use the API of a node')

    async def _route(self, request: Request) -> Reply:
        parts = request.path.strip("/").split("/")
        if request.method not in ("GET", "POST"):
            raise errors.method_not_allowed(request.method)
        serve = _CONTAINER_ROUTES.get(parts[0])
        if serve is not None and len(parts) == 4:
            _, namespace, name, container = parts
            worker = self._pods.find(namespace, name)
            if worker is None:
                raise errors.make(404, "NotFound", f'pod "{name}" does not exist on node {self._node_name}')
            spec = worker.pod.spec
            if not any(c.name == container for c in (*spec.init_containers, *spec.containers)):
                raise errors.make(404, "NotFound", f'container "{container}" not found in pod "{name}"')
            return await serve(request, worker, container, self._pods.runtime_of(worker))
        if request.path == "/pods":
            pods = [_with_status(w) for w in self._pods.workers()]
            return Response(200, msgspec.json.encode(PodList(items=pods)), JSON)
        if request.path == "/stats/summary":
            found = [(w, self._pods.runtime_of(w)) for w in self._pods.workers()]
            return Response(200, msgspec.json.encode(await stats.summary(self._node_name, found)), JSON)
        raise errors.path_not_found()


def _with_status(worker: PodWorker) -> Pod:
    return msgspec.structs.replace(worker.pod, status=worker.reported)


_CONTAINER_ROUTES: dict[str, Callable[[Request, PodWorker, str, Runtime], Awaitable[Reply]]] = {
    "containerLogs": logs.container_logs,
    "exec": remote.exec_,
    "attach": remote.attach,
}
