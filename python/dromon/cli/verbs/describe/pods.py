"""Description of a pod, and of a pod template inside a controller.

Neighbours: common for metadata and events; controllers uses `template`.
"""

from __future__ import annotations

from typing import Any

from dromon.cli.verbs.describe import common
from dromon.cli.verbs.describe.writer import NONE, Writer, mapping, when
from dromon.cli.verbs.session import Session

Json = dict[str, Any]


def pod(w: Writer, session: Session, obj: Json) -> None:
    """A pod with its containers, conditions, volumes and events."""
    spec, status, meta = obj["spec"], obj.get("status") or {}, obj["metadata"]
    w.pair(0, "Name", meta["name"])
    w.pair(0, "Namespace", meta.get("namespace"))
    w.pair(0, "Priority", spec.get("priority", 0))
    w.pair(0, "Service Account", spec.get("serviceAccountName"))
    node = f"{spec['nodeName']}/{status.get('hostIP', '')}" if spec.get("nodeName") else NONE
    w.pair(0, "Node", node)
    w.pair(0, "Start Time", when(status.get("startTime")))
    w.several(0, "Labels", mapping(meta.get("labels")))
    w.several(0, "Annotations", [f"{k}: {v}" for k, v in sorted((meta.get("annotations") or {}).items())])
    if meta.get("deletionTimestamp"):
        w.pair(0, "Status", f"Terminating (since {when(meta['deletionTimestamp'])})")
    else:
        w.pair(0, "Status", status.get("phase"))
    for label, key in (("Reason", "reason"), ("Message", "message")):
        if status.get(key):
            w.pair(0, label, status[key])
    w.pair(0, "IP", status.get("podIP"))
    w.heading(0, "IPs")
    for address in status.get("podIPs") or [{"ip": NONE}]:
        w.pair(1, "IP", address["ip"])
    if common.controlled_by(obj):
        w.pair(0, "Controlled By", common.controlled_by(obj))
    for title, kind, statuses in (
        ("Init Containers", "initContainers", "initContainerStatuses"),
        ("Containers", "containers", "containerStatuses"),
    ):
        if spec.get(kind):
            containers(w, 0, title, spec[kind], status.get(statuses) or [])
    common.conditions(w, status.get("conditions") or [], ("type", "status"))
    volumes(w, 0, spec.get("volumes") or [])
    w.pair(0, "QoS Class", status.get("qosClass"))
    w.several(0, "Node-Selectors", mapping(spec.get("nodeSelector")))
    w.several(0, "Tolerations", [toleration(t) for t in spec.get("tolerations") or []])
    common.events(w, session, obj, "Pod")


def template(w: Writer, level: int, obj: Json) -> None:
    """A pod template."""
    w.heading(level, "Pod Template")
    w.several(level + 1, "Labels", mapping((obj.get("metadata") or {}).get("labels")))
    spec = obj.get("spec") or {}
    containers(w, level + 1, "Containers", spec.get("containers") or [], [])
    volumes(w, level + 1, spec.get("volumes") or [])


def containers(w: Writer, level: int, title: str, specs: list[Json], statuses: list[Json]) -> None:
    """Containers with what is asked for and what is observed."""
    by_name = {s["name"]: s for s in statuses}
    w.heading(level, title)
    for spec in specs:
        status = by_name.get(spec["name"])
        w.heading(level + 1, spec["name"])
        inner = level + 2
        if status:
            w.pair(inner, "Container ID", status.get("containerID"))
        w.pair(inner, "Image", spec.get("image"))
        if status:
            w.pair(inner, "Image ID", status.get("imageID"))
        ports = [f"{p['containerPort']}/{p.get('protocol', 'TCP')}" for p in spec.get("ports") or []]
        w.pair(inner, "Ports" if len(ports) > 1 else "Port", ", ".join(ports))
        for label, key in (("Command", "command"), ("Args", "args")):
            if spec.get(key):
                w.flush()
                w.line(inner, f"{label}:")
                for word in spec[key]:
                    w.line(inner + 1, word)
        if status:
            _state(w, inner, "State", status.get("state") or {})
            if status.get("lastState"):
                _state(w, inner, "Last State", status["lastState"])
            w.pair(inner, "Ready", status.get("ready", False))
            w.pair(inner, "Restart Count", status.get("restartCount", 0))
        for label, key in (("Limits", "limits"), ("Requests", "requests")):
            amounts = (spec.get("resources") or {}).get(key)
            if amounts:
                w.heading(inner, label)
                for name, amount in sorted(amounts.items()):
                    w.pair(inner + 1, name, amount)
        for label, key in (
            ("Liveness", "livenessProbe"),
            ("Readiness", "readinessProbe"),
            ("Startup", "startupProbe"),
        ):
            if spec.get(key):
                w.pair(inner, label, probe(spec[key]))
        w.several(inner, "Environment", [environment(e) for e in spec.get("env") or []])
        mounts = [
            f"{m['mountPath']} from {m['name']} ({'ro' if m.get('readOnly') else 'rw'})"
            for m in spec.get("volumeMounts") or []
        ]
        w.several(inner, "Mounts", mounts)


def _state(w: Writer, level: int, label: str, state: Json) -> None:
    for name, inner in state.items():
        w.pair(level, label, name[0].upper() + name[1:])
        for key, title in (("reason", "Reason"), ("message", "Message"), ("exitCode", "Exit Code")):
            if key in inner:
                w.pair(level + 1, title, inner[key])
        for key, title in (("startedAt", "Started"), ("finishedAt", "Finished")):
            if inner.get(key):
                w.pair(level + 1, title, when(inner[key]))
        return
    w.pair(level, label, "Waiting")


def probe(spec: Json) -> str:
    """A probe on one line."""
    if "httpGet" in spec:
        get = spec["httpGet"]
        scheme, host = get.get("scheme", "HTTP").lower(), get.get("host", "")
        what = f"http-get {scheme}://{host}:{get['port']}{get.get('path', '/')}"
    elif "exec" in spec:
        what = f"exec {spec['exec'].get('command') or []}"
    elif "tcpSocket" in spec:
        what = f"tcp-socket {spec['tcpSocket'].get('host', '')}:{spec['tcpSocket']['port']}"
    elif "grpc" in spec:
        what = f"grpc <pod>:{spec['grpc']['port']}"
    else:
        what = "unknown"
    times = (
        f"delay={spec.get('initialDelaySeconds', 0)}s timeout={spec.get('timeoutSeconds', 1)}s "
        f"period={spec.get('periodSeconds', 10)}s #success={spec.get('successThreshold', 1)} "
        f"#failure={spec.get('failureThreshold', 3)}"
    )
    return f"{what} {times}"


def environment(entry: Json) -> str:
    """A variable, or where its value comes from."""
    source = entry.get("valueFrom") or {}
    for key, form in (
        ("fieldRef", "({fieldPath})"),
        ("configMapKeyRef", "<set to the key '{key}' of config map '{name}'>"),
        ("secretKeyRef", "<set to the key '{key}' in secret '{name}'>"),
        ("resourceFieldRef", "({resource})"),
    ):
        if key in source:
            return f"{entry['name']}: {form.format(**source[key])}"
    return f"{entry['name']}: {entry.get('value', '')}"


def volumes(w: Writer, level: int, items: list[Json]) -> None:
    """Volumes, by the name of their source."""
    if not items:
        w.pair(level, "Volumes", NONE)
        return
    w.heading(level, "Volumes")
    for volume in items:
        w.heading(level + 1, volume["name"])
        for source, details in volume.items():
            if source == "name":
                continue
            w.pair(level + 2, "Type", source[0].upper() + source[1:])
            for key, value in sorted((details or {}).items()):
                if not isinstance(value, dict | list):
                    w.pair(level + 2, key[0].upper() + key[1:], value)


def toleration(t: Json) -> str:
    """ "key=value:Effect op=Exists for 300s" """
    text = str(t.get("key", ""))
    if t.get("value"):
        text += f"={t['value']}"
    if t.get("effect"):
        text += f":{t['effect']}"
    if t.get("operator") == "Exists":
        text += " op=Exists"
    if t.get("tolerationSeconds") is not None:
        text += f" for {t['tolerationSeconds']}s"
    return text.strip()
