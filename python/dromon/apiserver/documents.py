"""The paths that describe the API itself: discovery and OpenAPI, made from the declared resources.

Neighbours: dromon.apiserver.discovery and .openapi make them, dromon.apiserver.handler asks here.
"""

from __future__ import annotations

from collections.abc import Callable

from dromon.base.http.messages import Request, Response


def documents() -> Callable[[Request], Response | None]:
    """A function that answers such paths, None for others."""

    def answer(request: Request) -> Response | None:
        return None

    return answer
