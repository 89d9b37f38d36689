"""Carries out single probes and lifecycle hooks: a command, an HTTP request, a TCP connection.

Sources: core/v1 ProbeHandler and LifecycleHandler. HTTP answers from 200 to 399 are well.

Neighbours: probes schedules them, operations runs the hooks, runtime executes the commands.
"""

from __future__ import annotations

import asyncio
import ssl

from dromon.api.types.base import IntOrString
from dromon.api.types.container import Container as ContainerSpec
from dromon.api.types.container import (
    ExecAction,
    HTTPGetAction,
    HTTPHeader,
    LifecycleHandler,
    Probe,
    TCPSocketAction,
)
from dromon.base.http.client import HttpClient
from dromon.kubelet.probes import Outcome
from dromon.kubelet.runtime.interface import Container, Runtime, RuntimeFailure

MAX_OUTPUT = 10_240


class NetworkProber:
    """Probes real containers, from the node."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def probe(self, probe: Probe, spec: ContainerSpec, container: Container, pod_ip: str) -> Outcome:
        seconds = float(probe.timeout_seconds or 1)
        if probe.exec is not None:
            return await self._exec(probe.exec, container, seconds)
        if probe.http_get is not None:
            return await self._http(probe.http_get, spec, pod_ip, seconds, "kube-probe/1.32")
        if probe.tcp_socket is not None:
            return await self._tcp(probe.tcp_socket, spec, pod_ip, seconds)
        return Outcome(False, "gRPC probes are not supported by this node")

    async def hook(
        self,
        handler: LifecycleHandler,
        spec: ContainerSpec,
        container: Container,
        pod_ip: str,
        seconds: float,
    ) -> Outcome:
        """Run a postStart or preStop hook; it gets `seconds`."""
        if handler.exec is not None:
            return await self._exec(handler.exec, container, seconds)
        if handler.http_get is not None:
            return await self._http(handler.http_get, spec, pod_ip, seconds, "kube-lifecycle/1.32")
        if handler.sleep is not None:
            await asyncio.sleep(min(float(handler.sleep.seconds), seconds))
            return Outcome(True)
        return Outcome(False, "the handler has no action that this node supports")

    async def _exec(self, action: ExecAction, container: Container, seconds: float) -> Outcome:
        try:
            async with asyncio.timeout(seconds):
                result = await self._runtime.exec(container.id, tuple(action.command), MAX_OUTPUT)
        except TimeoutError:
            command = " ".join(action.command)
            return Outcome(False, f'command "{command}" timed out after {seconds:g}s')
        except RuntimeFailure as error:
            return Outcome(False, str(error))
        output = result.output.decode("utf-8", "replace").strip()
        return Outcome(
            result.exit_code == 0, output or f"command terminated with exit code {result.exit_code}"
        )

    async def _http(
        self, action: HTTPGetAction, spec: ContainerSpec, pod_ip: str, seconds: float, agent: str
    ) -> Outcome:
        port = _port(action.port, spec)
        if port is None:
            return Outcome(False, f"couldn't find port: {action.port}")
        host = action.host or pod_ip
        scheme = (action.scheme or "HTTP").lower()
        path = action.path if action.path.startswith("/") else "/" + action.path
        url = f'Get "{scheme}://{host}:{port}{path}"'
        client = HttpClient(host, port, ssl_context=_trusting() if scheme == "https" else None)
        try:
            async with asyncio.timeout(seconds):
                answer = await client.request("GET", path, _headers(action.http_headers, host, port, agent))
        except TimeoutError:
            return Outcome(
                False, f"{url}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            )
        except (OSError, ssl.SSLError) as error:
            return Outcome(False, f"{url}: {_dial(host, port, error)}")
        except Exception as error:
            return Outcome(False, f"{url}: {error}")
        finally:
            await client.close()
        if 200 <= answer.status < 400:
            return Outcome(True)
        return Outcome(False, f"HTTP probe failed with statuscode: {answer.status}")

    async def _tcp(
        self, action: TCPSocketAction, spec: ContainerSpec, pod_ip: str, seconds: float
    ) -> Outcome:
        port = _port(action.port, spec)
        if port is None:
            return Outcome(False, f"couldn't find port: {action.port}")
        host = action.host or pod_ip
        try:
            async with asyncio.timeout(seconds):
                _, writer = await asyncio.open_connection(host, port)
        except TimeoutError:
            return Outcome(False, f"dial tcp {host}:{port}: i/o timeout")
        except OSError as error:
            return Outcome(False, _dial(host, port, error))
        writer.close()
        return Outcome(True)


def _dial(host: str, port: int, error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {host}:{port}: connect: connection refused"
    return f"dial tcp {host}:{port}: {error}"


def _port(port: IntOrString, spec: ContainerSpec) -> int | None:
    """A port by number or by the container's name for it."""
    if isinstance(port, int):
        return port if 0 < port < 65536 else None
    for declared in spec.ports:
        if declared.name == port:
            return declared.container_port
    return int(port) if port.isdigit() else None


def _headers(extra: list[HTTPHeader], host: str, port: int, agent: str) -> dict[str, str]:
    headers = {"Host": f"{host}:{port}", "User-Agent": agent, "Accept": "*/*", "Connection": "close"}
    for header in extra:
        name = header.name.title()
        headers[name] = header.value
    return headers


def _trusting() -> ssl.SSLContext:
    """Probes over HTTPS don't verify the container's certificate (core/v1 HTTPGetAction)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
