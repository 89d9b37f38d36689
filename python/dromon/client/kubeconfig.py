"""Write kubeconfig files with everything embedded, readable by their owner alone.

Neighbours: client.config reads them; the CLI makes one per component and one for the administrator.
"""

from __future__ import annotations

import base64
import os
import tempfile
from pathlib import Path

from dromon.client.config import SERVERS, ClientConfig


def render(config: ClientConfig, *, cluster: str = "dromon", user: str = "admin") -> str:
    """The kubeconfig's YAML text: one cluster, one user, one context, which is current.

    Strings that come from outside are double-quoted, which JSON and YAML read alike.
    """
    lines = [
        "apiVersion: v1",
        "kind: Config",
        "clusters:",
        f"- name: {_quoted(cluster)}",
        "  cluster:",
        f"    server: {_quoted(config.server)}",
    ]
    if config.ca:
        lines.append(f"    certificate-authority-data: {_base64(config.ca)}")
    if config.insecure:
        lines.append("    insecure-skip-tls-verify: true")
    if config.server_name:
        lines.append(f"    tls-server-name: {_quoted(config.server_name)}")
    if config.others:
        lines += ["    extensions:", f"    - name: {SERVERS}", "      extension:", "        servers:"]
        lines += [f"        - {_quoted(url)}" for url in config.servers]
    lines += ["users:", f"- name: {_quoted(user)}"]
    credentials = []
    if config.certificate:
        credentials.append(f"    client-certificate-data: {_base64(config.certificate)}")
        credentials.append(f"    client-key-data: {_base64(config.key)}")
    if config.token:
        credentials.append(f"    token: {_quoted(config.token)}")
    lines += ["  user:", *credentials] if credentials else ["  user: {}"]
    name = f"{user}@{cluster}"
    lines += [
        "contexts:",
        f"- name: {_quoted(name)}",
        "  context:",
        f"    cluster: {_quoted(cluster)}",
        f"    user: {_quoted(user)}",
        f"    namespace: {_quoted(config.namespace)}",
        f"current-context: {_quoted(name)}",
    ]
    return "\n".join(lines) + "\n"


def write(path: str | Path, config: ClientConfig, *, cluster: str = "dromon", user: str = "admin") -> None:
    """Write `render(...)` to `path`, atomically, mode 0600; unchanged content is left alone.

    Raises:
        OSError: the directory can't be written.
    """
    path = Path(path)
    data = render(config, cluster=cluster, user=user).encode()
    try:
        if path.read_bytes() == data and path.stat().st_mode & 0o777 == 0o600:
            return
    except FileNotFoundError:
        pass
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
