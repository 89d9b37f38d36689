"""/healthz, /livez, /readyz and /version: open to everybody.

Source: Kubernetes documentation, "Kubernetes API health endpoints". Why a check fails is logged, not told.

Neighbours: dromon.apiserver.server says what to check; dromon.apiserver.handler routes here.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Mapping

import msgspec

from dromon._core import __version__
from dromon.api import errors
from dromon.base.http.messages import Request, Response

log = logging.getLogger(__name__)

Check = Callable[[], str | None]
"""None while healthy, else what is wrong."""

ENDPOINTS = ("healthz", "livez", "readyz")


GIT_VERSION = f"v1.32.0+dromon-{__version__}"
"""The API's version that we speak, with ours behind it."""


def version() -> dict[str, str]:
    """The body of /version: the API's version that we speak, with ours behind it.

    Clients pick their behaviour by major, minor and gitVersion.
    """
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return {
        "major": "1",
        "minor": "32",
        "gitVersion": GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": f"linux/{machine}",
    }


class Health:
    """Answers health requests.

    Args:
        live: checks of /livez (and /healthz), by name.
        ready: further checks of /readyz.
    """

    def __init__(self, live: Mapping[str, Check], ready: Mapping[str, Check]) -> None:
        self._checks = {
            "healthz": dict(live),
            "livez": dict(live),
            "readyz": {**live, **ready},
        }

    def answer(self, request: Request) -> Response:
        """The answer to a path whose first segment is one of ENDPOINTS.

        Raises:
            ApiError: 404 for a check that there is none of.
        """
        _, endpoint, *rest = request.path.rstrip("/").split("/")
        checks = self._checks[endpoint]
        if rest:
            name = "/".join(rest)
            if name not in checks:
                raise errors.path_not_found()
            checks = {name: checks[name]}
        excluded = set(request.params.get("exclude", []))
        lines, failed = [], False
        for name, check in checks.items():
            if name in excluded:
                lines.append(f"[+]{name} excluded: ok")
                continue
            wrong = check()
            if wrong is None:
                lines.append(f"[+]{name} ok")
            else:
                failed = True
                log.warning("health check failed endpoint=%s check=%s why=%s", endpoint, name, wrong)
                lines.append(f"[-]{name} failed: reason withheld")
        return _text(endpoint, lines, failed, "verbose" in request.params)


def _text(endpoint: str, lines: list[str], failed: bool, verbose: bool) -> Response:
    kind = "text/plain; charset=utf-8"
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache, private"}
    if failed:
        body = "\n".join([*lines, f"{endpoint} check failed", ""])
        return Response(500, body.encode(), kind, headers)
    body = "\n".join([*lines, f"{endpoint} check passed", ""]) if verbose else "ok"
    return Response(200, body.encode(), kind, headers)


def version_answer() -> Response:
    """The answer to /version."""
    return Response(200, msgspec.json.format(msgspec.json.encode(version()), indent=2), "application/json")
