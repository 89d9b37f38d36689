"""Where a server is and how to prove who we are: a kubeconfig, read.

Source: client-go's clientcmd/api/v1 (the file kubectl reads); further servers are in an extension of the
cluster, which that format has for such things.

Neighbours: client.kubeconfig writes such files, client.rest connects by the result.
"""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SERVERS = "dromon.io/servers"
"""Name of the cluster's extension that lists all its servers: `extension: {servers: [URL, ...]}`.

Other clients leave extensions alone and use `server`."""


class ConfigError(Exception):
    """A kubeconfig that can't be used; the text says which file, what is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """One context of a kubeconfig, resolved.

    Attributes:
        server: base URL, "https://127.0.0.1:6443".
        ca: PEM of the CA that the server's certificate must come from; b"": the system's.
        certificate, key: PEM of the client certificate; b"": none.
        token: bearer token; "": none.
        insecure: don't verify the server.
        server_name: the name to verify instead of the URL's host; "": the URL's.
        namespace: the context's default namespace.
        others: base URLs of further servers of the same cluster, in the order in which they are tried.
    """

    server: str
    ca: bytes = b""
    certificate: bytes = b""
    key: bytes = b""
    token: str = ""
    insecure: bool = False
    server_name: str = ""
    namespace: str = "default"
    others: tuple[str, ...] = ()

    @classmethod
    def load(cls, path: str | Path, context: str = "") -> ClientConfig:
        """Read a kubeconfig.

        Args:
            context: the one to use; "": the file's current-context.

        Raises:
            ConfigError: the file is missing, not readable, or not understood.
        """
        path = Path(path)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise ConfigError(f"{path}: no such file; is the cluster up? (dromon up)") from None
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}") from None
        try:
            return _resolve(_parse(data), context, path.parent)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ConfigError(f"{path}: not a usable kubeconfig: {error}") from None

    @property
    def servers(self) -> tuple[str, ...]:
        """Every server, the preferred one first."""
        return (self.server, *self.others)

    @property
    def host(self) -> str:
        return urlsplit(self.server).hostname or "localhost"

    @property
    def port(self) -> int:
        return urlsplit(self.server).port or (443 if self.tls else 80)

    @property
    def tls(self) -> bool:
        return urlsplit(self.server).scheme == "https"

    @property
    def base_path(self) -> str:
        """What the server's URL has behind the host, without a trailing slash."""
        return urlsplit(self.server).path.rstrip("/")

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS settings; None for plain HTTP.

        Raises:
            ConfigError: the certificate, key or CA is no valid PEM.
        """
        if not self.tls:
            return None
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if self.ca:
                context.load_verify_locations(cadata=self.ca.decode("ascii"))
            elif not self.insecure:
                context.load_default_certs()
            if self.insecure:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            if self.certificate:
                _load_pair(context, self.certificate, self.key)
        except (ssl.SSLError, ValueError) as error:
            raise ConfigError(f"the kubeconfig's certificates can't be used: {error}") from None
        return context


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    # The ssl module takes a path only; the file is ours alone (0600) and gone at once.
    with tempfile.NamedTemporaryFile(prefix="dromon-") as file:
        file.write(certificate + b"\n" + key)
        file.flush()
        context.load_cert_chain(file.name)


def _parse(data: bytes) -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(data, loader)  # noqa: S506 - a safe loader, the C one where there is one
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
    if not isinstance(content, dict):
        raise ValueError("it holds no mapping")
    return content


def _resolve(content: dict[str, Any], context: str, directory: Path) -> ClientConfig:
    wanted = context or content.get("current-context") or ""
    if not wanted:
        raise ValueError("it has no current-context")
    chosen = _named(content, "contexts", wanted)["context"]
    cluster = _named(content, "clusters", chosen["cluster"])["cluster"]
    user = _named(content, "users", chosen["user"])["user"] if chosen.get("user") else {}
    token = user.get("token") or ""
    if not token and user.get("tokenFile"):
        token = (directory / user["tokenFile"]).read_text().strip()
    return ClientConfig(
        server=cluster["server"],
        ca=_pem(cluster, "certificate-authority", directory),
        certificate=_pem(user, "client-certificate", directory),
        key=_pem(user, "client-key", directory),
        token=token,
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        server_name=cluster.get("tls-server-name") or "",
        namespace=chosen.get("namespace") or "default",
        others=_others(cluster),
    )


def _others(cluster: dict[str, Any]) -> tuple[str, ...]:
    """What the extension dromon.io/servers lists, without the server itself."""
    for entry in cluster.get("extensions") or []:
        if entry["name"] == SERVERS:
            listed = entry["extension"]["servers"]
            if not isinstance(listed, list) or not all(isinstance(url, str) for url in listed):
                raise ValueError(f"{SERVERS}: servers is no list of URLs")
            return tuple(url for url in dict.fromkeys(listed) if url != cluster["server"])
    return ()


def _named(content: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    for entry in content.get(kind) or []:
        if entry["name"] == name:
            return dict(entry)
    raise ValueError(f"{kind} has no {name!r}")


def _pem(section: dict[str, Any], field: str, directory: Path) -> bytes:
    data = section.get(field + "-data")
    if data:
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error:
            raise ValueError(f"{field}-data is not base64") from None
    file = section.get(field)
    if not file:
        return b""
    try:
        return (directory / Path(file).expanduser()).read_bytes()
    except OSError as error:
        raise ValueError(f"{field}: {file}: {error.strerror}") from None
