"""The apiserver's way to kubelets: logs and exec are streamed through it over TLS with its own certificate.

Neighbours: dromon.apiserver.subresources.streaming decides what to ask; the kubelet's server answers
(paths /containerLogs, /exec, /attach, /portForward).
"""

from __future__ import annotations

import ssl

from dromon.api import errors
from dromon.api.types.node import Node
from dromon.base.http.client import HttpClient

_CONNECT_TIMEOUT = 5.0


class Kubelets:
    """HTTP clients for kubelets, one an address, made on first use.

    Args:
        cert_file, key_file: the client certificate to show; "": none.
        ca_file: CA of the kubelets' serving certificates; "": they are not verified (as upstream without
            --kubelet-certificate-authority).
    """

    def __init__(self, cert_file: str = "", key_file: str = "", ca_file: str = "") -> None:
        self._files = (cert_file, key_file, ca_file)
        self._context: ssl.SSLContext | None = None
        self._clients: dict[tuple[str, int], HttpClient] = {}

    def client(self, node: Node) -> HttpClient:
        """A client for the node's kubelet.

        Raises:
            ApiError: 500 when the node does not say where its kubelet is.
        """
        address = endpoint(node)
        client = self._clients.get(address)
        if client is None:
            client = HttpClient(*address, ssl_context=self._tls(), connect_timeout=_CONNECT_TIMEOUT)
            self._clients[address] = client
        return client

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            cert_file, key_file, ca_file = self._files
            context = ssl.create_default_context(cafile=ca_file or None)
            # Kubelets are reached by address, which changes; what counts is that our CA signed them.
            context.check_hostname = False
            if not ca_file:
                context.verify_mode = ssl.CERT_NONE
            if cert_file:
                context.load_cert_chain(cert_file, key_file)
            self._context = context
        return self._context

    async def close(self) -> None:
        """Close every connection."""
        clients = list(self._clients.values())
        self._clients.clear()
        for client in clients:
            await client.close()


def endpoint(node: Node) -> tuple[str, int]:
    """Where the node's kubelet listens: (address, port).

    Raises:
        ApiError: 500 when the node's status has no address or port.
    """
    by_type = {a.type: a.address for a in reversed(node.status.addresses)}
    address = by_type.get("InternalIP") or by_type.get("Hostname")
    port = node.status.daemon_endpoints.kubelet_endpoint.port
    if not address or not port:
        raise errors.internal(f"node {node.metadata.name} has no address of its kubelet in its status yet")
    return address, port
