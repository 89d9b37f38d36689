"""What every description begins and ends with: metadata and events.

Neighbours: the describers of the kinds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dromon.cli.verbs.describe.writer import NONE, Writer, age, mapping
from dromon.cli.verbs.session import ServerError, Session

Json = dict[str, Any]


def metadata(w: Writer, obj: Json, *, namespaced: bool = True) -> None:
    """Name, namespace, labels and annotations."""
    meta = obj["metadata"]
    w.pair(0, "Name", meta["name"])
    if namespaced:
        w.pair(0, "Namespace", meta.get("namespace"))
    w.several(0, "Labels", mapping(meta.get("labels")))
    hidden = "kubectl.kubernetes.io/last-applied-configuration"
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k != hidden}
    w.several(0, "Annotations", [f"{k}: {v}" for k, v in sorted(annotations.items())])


def controlled_by(obj: Json) -> str:
    """ "ReplicationController/web", or "" """
    for owner in obj["metadata"].get("ownerReferences") or []:
        if owner.get("controller"):
            return f"{owner['kind']}/{owner['name']}"
    return ""


def conditions(w: Writer, items: list[Json], columns: tuple[str, ...]) -> None:
    """The conditions of a status as a table with these fields."""
    if not items:
        return
    headings = [c[0].upper() + c[1:] for c in columns]
    rows = [headings, ["-" * len(h) for h in headings]]
    rows += [[str(item.get(c, "")) for c in columns] for item in items]
    w.heading(0, "Conditions")
    w.table(1, rows)


def events(w: Writer, session: Session, obj: Json, kind: str) -> None:
    """The events about an object, oldest first."""
    meta = obj["metadata"]
    selector = f"involvedObject.kind={kind},involvedObject.name={meta['name']}"
    if meta.get("uid") and kind != "Node":  # a node's events carry its name as UID
        selector += f",involvedObject.uid={meta['uid']}"
    path = f"/api/v1/namespaces/{meta['namespace']}/events" if meta.get("namespace") else "/api/v1/events"
    try:
        found = session.call("GET", path, query={"fieldSelector": selector})["items"]
    except ServerError:
        found = []
    if not found:
        w.pair(0, "Events", NONE)
        return
    now = datetime.now(UTC)
    rows = [["Type", "Reason", "Age", "From", "Message"]]
    rows.append(["-" * len(cell) for cell in rows[0]])
    for event in sorted(found, key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or ""):
        last = event.get("lastTimestamp") or event.get("eventTime")
        seen = age(last, now)
        if (event.get("count") or 0) > 1:
            seen += f" (x{event['count']} over {age(event.get('firstTimestamp'), now)})"
        source = (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
        rows.append(
            [event.get("type", ""), event.get("reason", ""), seen, source, event.get("message", "").strip()]
        )
    w.heading(0, "Events")
    w.table(1, rows)
