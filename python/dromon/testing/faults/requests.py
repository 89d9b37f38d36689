"""Requests for ConfigMaps, and what their answers say of the outcome.

Neighbours: clients make operations of them.
"""

from __future__ import annotations

import json
from typing import Any

from dromon.base.http.client import HttpClient
from dromon.testing.faults.recording import Outcome
from dromon.testing.faults.server import TOKEN

NAMESPACE = "faults"
COLLECTION = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

TIMEOUT = 15.0
"""Seconds that a request may take; one that takes longer has an unknown outcome."""


class NotSent(Exception):
    """Nobody listens: the request did not leave."""


async def send(http: HttpClient, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Status and decoded body; status 0: there was no answer.

    Raises:
        NotSent.
    """
    data = b"" if body is None else json.dumps(body).encode()
    try:
        answer = await http.request(method, path, HEADERS, data, timeout=TIMEOUT)
    except ConnectionRefusedError:
        raise NotSent from None
    except (OSError, TimeoutError):
        return 0, None
    return answer.status, json.loads(answer.body)


def configmap(key: str, value: str, expect: int | None = None) -> Any:
    """An object; `expect` is its resourceVersion where it is to be conditional."""
    metadata: dict[str, Any] = {"name": key}
    if expect:
        metadata["resourceVersion"] = str(expect)
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": {"value": value}}


def outcome(status: int) -> Outcome:
    """What a status says of a write.

    Of the refusals, 404 and 409 speak of the key; 429 and 503 of the server, which did nothing. All else that
    is no success leaves open whether it took effect.
    """
    if status in (200, 201):
        return Outcome.DONE
    if status in (404, 409):
        return Outcome.REFUSED
    if status in (429, 503):
        return Outcome.TURNED_AWAY
    return Outcome.UNKNOWN


def revision_of(obj: Any) -> int | None:
    """The resourceVersion of an object or a list; None of a Status, which has none."""
    version = obj["metadata"].get("resourceVersion")
    return int(version) if version else None
