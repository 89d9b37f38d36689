"""Which server and which credentials: the part of a kubeconfig that the verbs need, read fast.

Neighbours: session connects with it. dromon.client.config does the same for the components.
"""

from __future__ import annotations

import base64
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import yaml


@dataclass(frozen=True)
class Target:
    """A server and who we are to it.

    Attributes:
        host, port: where it listens.
        tls: context with the CA and the client certificate; None for plain HTTP.
        token: bearer token, "" for none.
        namespace: of the context.
        others: further servers of the cluster, (host, port) each (client.config has the kubeconfig's form).
    """

    host: str
    port: int
    tls: ssl.SSLContext | None
    token: str
    namespace: str
    others: tuple[tuple[str, int], ...] = ()


def find_kubeconfig(given: str | None) -> Path:
    """The file named on the command line, by $KUBECONFIG, or the default cluster's, or kubectl's.

    Raises:
        click.ClickException: none of them exists.
    """
    named = given or os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise click.ClickException(f"{path}: no such kubeconfig; is the cluster up? (dromon up)")
        return path
    for path in (Path("~/.dromon/kubeconfig").expanduser(), Path("~/.kube/config").expanduser()):
        if path.is_file():
            return path
    raise click.ClickException("no kubeconfig found: start a cluster with 'dromon up', or set KUBECONFIG")


def load(path: Path) -> Target:
    """The current context of a kubeconfig.

    Raises:
        click.ClickException: the file can't be read or misses something.
    """
    try:
        # The C loader is several times faster; it is in every wheel but not in every build.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        document = yaml.load(path.read_text(), Loader=loader)  # noqa: S506 - both loaders are safe ones
        context = _named(document, "contexts", document["current-context"])["context"]
        cluster = _named(document, "clusters", context["cluster"])["cluster"]
        user = _named(document, "users", context["user"])["user"]
        urls = [urlsplit(server) for server in dict.fromkeys([cluster["server"], *_others(cluster)])]
        url = urls[0]
        tls = _tls(cluster, user, path.parent) if url.scheme == "https" else None
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError, ssl.SSLError) as error:
        raise click.ClickException(f"{path}: not a usable kubeconfig: {error!r}") from error
    servers = [(each.hostname or "127.0.0.1", each.port or (443 if tls else 80)) for each in urls]
    return Target(
        host=servers[0][0],
        port=servers[0][1],
        tls=tls,
        token=_token(user),
        namespace=context.get("namespace") or "default",
        others=tuple(servers[1:]),
    )


def _others(cluster: dict[str, Any]) -> list[str]:
    for entry in cluster.get("extensions") or []:
        if entry["name"] == "dromon.io/servers":
            return list(entry["extension"]["servers"])
    return []


def _named(document: dict[str, Any], what: str, name: str) -> dict[str, Any]:
    for entry in document[what]:
        if entry["name"] == name:
            found: dict[str, Any] = entry
            return found
    raise KeyError(f"{what} has no {name!r}")


def _token(user: dict[str, Any]) -> str:
    if user.get("tokenFile"):
        return Path(user["tokenFile"]).read_text().strip()
    return str(user.get("token") or "")


def _data(entry: dict[str, Any], key: str, base: Path) -> bytes:
    """The bytes of `key`-data (base64) or of the file that `key` names; b"" where there is neither."""
    if entry.get(f"{key}-data"):
        return base64.b64decode(entry[f"{key}-data"])
    return (base / entry[key]).read_bytes() if entry.get(key) else b""


def _tls(cluster: dict[str, Any], user: dict[str, Any], base: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=None, cadata=None, capath=os.devnull)
    authority = _data(cluster, "certificate-authority", base)
    if authority:
        context.load_verify_locations(cadata=authority.decode())
    else:
        context.load_default_certs()
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _data(user, "client-certificate", base), _data(user, "client-key", base)
    if certificate and key:
        # The ssl module reads files only; a memory file never touches a disk.
        memory = os.memfd_create("client-certificate")
        try:
            os.write(memory, certificate + b"\n" + key)
            context.load_cert_chain(f"/proc/self/fd/{memory}")
        finally:
            os.close(memory)
    return context
