"""Validity of probes and lifecycle handlers.

Source: the API reference of Probe v1; texts as upstream gives them.

Neighbours: containers calls it.
"""

from __future__ import annotations

from dromon.api import names
from dromon.api.errors import FieldError, forbidden_field, invalid_value, not_supported, required
from dromon.api.types.base import IntOrString
from dromon.api.types.container import (
    Container,
    EphemeralContainer,
    HTTPGetAction,
    LifecycleHandler,
    Probe,
    ProbeHandler,
)
from dromon.api.validation import NOT_NEGATIVE, invalid

AnyContainer = Container | EphemeralContainer

_COUNTS = (
    ("initialDelaySeconds", "initial_delay_seconds"),
    ("timeoutSeconds", "timeout_seconds"),
    ("periodSeconds", "period_seconds"),
    ("successThreshold", "success_threshold"),
    ("failureThreshold", "failure_threshold"),
)


def check_probes(c: AnyContainer, at: str, found: list[FieldError]) -> None:
    """Faults of a container's probes and lifecycle handlers."""
    if c.liveness_probe is not None:
        _check_probe(c.liveness_probe, f"{at}.livenessProbe", found, once=True)
    if c.readiness_probe is not None:
        _check_probe(c.readiness_probe, f"{at}.readinessProbe", found, once=False)
        if c.readiness_probe.termination_grace_period_seconds is not None:
            value = c.readiness_probe.termination_grace_period_seconds
            text = "must not be set for readinessProbes"
            wire = f"{at}.readinessProbe.terminationGracePeriodSeconds"
            found.append(invalid_value(wire, value, text))
    if c.startup_probe is not None:
        _check_probe(c.startup_probe, f"{at}.startupProbe", found, once=True)
    if c.lifecycle is not None:
        if c.lifecycle.post_start is not None:
            _check_hook(c.lifecycle.post_start, f"{at}.lifecycle.postStart", found)
        if c.lifecycle.pre_stop is not None:
            _check_hook(c.lifecycle.pre_stop, f"{at}.lifecycle.preStop", found)


def _check_probe(probe: Probe, path: str, found: list[FieldError], *, once: bool) -> None:
    _check_handler(probe, path, found)
    for wire, attribute in _COUNTS:
        value = getattr(probe, attribute)
        if value < 0:
            found.append(invalid_value(f"{path}.{wire}", value, NOT_NEGATIVE))
    if once and probe.success_threshold not in (0, 1):
        found.append(invalid_value(f"{path}.successThreshold", probe.success_threshold, "must be 1"))
    grace = probe.termination_grace_period_seconds
    if grace is not None and grace <= 0:
        found.append(invalid_value(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0"))


def _check_handler(handler: ProbeHandler, path: str, found: list[FieldError]) -> None:
    count = _check_common(handler, path, found)
    if handler.grpc is not None:
        count += 1
        _forbid_second(count, f"{path}.grpc", found)
        check_port(handler.grpc.port, f"{path}.grpc.port", found)
    if not count:
        found.append(required(path, "must specify a handler type"))


def _check_hook(handler: LifecycleHandler, path: str, found: list[FieldError]) -> None:
    count = _check_common(handler, path, found)
    if handler.sleep is not None:
        count += 1
        _forbid_second(count, f"{path}.sleep", found)
        if handler.sleep.seconds < 0:
            text = "must be a non-negative integer"
            found.append(invalid_value(f"{path}.sleep", handler.sleep.seconds, text))
    if not count:
        found.append(required(path, "must specify a handler type"))


def _check_common(handler: ProbeHandler | LifecycleHandler, path: str, found: list[FieldError]) -> int:
    """Faults of the handlers that probes and hooks share; how many there are."""
    count = 0
    if handler.exec is not None:
        count += 1
        if not handler.exec.command:
            found.append(required(f"{path}.exec.command"))
    if handler.http_get is not None:
        count += 1
        _forbid_second(count, f"{path}.httpGet", found)
        _check_http(handler.http_get, f"{path}.httpGet", found)
    if handler.tcp_socket is not None:
        count += 1
        _forbid_second(count, f"{path}.tcpSocket", found)
        check_port(handler.tcp_socket.port, f"{path}.tcpSocket.port", found)
    return count


def _forbid_second(count: int, path: str, found: list[FieldError]) -> None:
    if count > 1:
        found.append(forbidden_field(path, "may not specify more than 1 handler type"))


def _check_http(action: HTTPGetAction, path: str, found: list[FieldError]) -> None:
    if not action.path:
        found.append(required(f"{path}.path"))
    check_port(action.port, f"{path}.port", found)
    if action.scheme not in ("HTTP", "HTTPS"):
        found.append(not_supported(f"{path}.scheme", action.scheme, ("HTTP", "HTTPS")))
    for header in action.http_headers:
        if why := names.http_header(header.name):
            found += invalid(f"{path}.httpHeaders", header.name, why)


def check_port(port: IntOrString, path: str, found: list[FieldError]) -> None:
    """Faults of a port that may be a number or a name."""
    why = names.port_number(port) if isinstance(port, int) else names.port_name(port)
    if why:
        found += invalid(path, port, why)
