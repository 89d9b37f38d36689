"""One connection to the API server for the length of a command; errors as kubectl words them.

Neighbours: config says where to; every verb uses it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlencode

import click

from dromon.cli.verbs.config import Target, find_kubeconfig, load
from dromon.cli.verbs.discover import Catalog, Kind

Json = dict[str, Any]

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


class ServerError(click.ClickException):
    """An answer with an error status.

    Attributes:
        status: the Status object.  code: HTTP status.
    """

    def __init__(self, code: int, status: Json) -> None:
        reason = status.get("reason") or ""
        message = status.get("message") or f"the server answered {code}"
        prefix = f"Error from server ({reason})" if reason else "Error from server"
        super().__init__(f"{prefix}: {message}")
        self.code = code
        self.status = status

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)


class Session:
    """The API as this command sees it.

    Args:
        target: server and credentials.
        namespace: from the command line, "" for the context's.
    """

    def __init__(self, target: Target, namespace: str = "") -> None:
        self._target = target
        self.namespace = namespace or target.namespace
        self._connection: HTTPConnection | None = None
        self._catalog: Catalog | None = None

    @property
    def target(self) -> Target:
        return self._target

    def connect(self) -> HTTPConnection:
        """A new connection (streams have their own), to the first server that takes one.

        Raises:
            click.ClickException: none of them does.
        """
        target = self._target
        servers = [(target.host, target.port), *target.others]
        for number, (host, port) in enumerate(servers):
            if target.tls is not None:
                connection: HTTPConnection = HTTPSConnection(host, port, context=target.tls, timeout=60)
            else:
                connection = HTTPConnection(host, port, timeout=60)
            try:
                connection.connect()
            except OSError as error:
                failure = error
                continue
            # The next connection of this command goes to the same one.
            others = (*servers[:number], *servers[number + 1 :])
            self._target = replace(target, host=host, port=port, others=others)
            return connection
        raise self._unreachable(failure) from failure

    def _unreachable(self, error: Exception) -> click.ClickException:
        where = f"{self._target.host}:{self._target.port}"
        return click.ClickException(
            f"the connection to the server {where} failed: {error}; is the cluster up? (dromon status)"
        )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Json | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        """Send a request and decode its JSON answer.

        Raises:
            ServerError: the answer is an error.
            click.ClickException: the server can't be reached.
        """
        if self._connection is None:
            self._connection = self.connect()
        response = self._send(self._connection, method, path, body, query or {}, content_type, accept)
        data = response.read()
        return _decode(response.status, data)

    def stream(
        self, path: str, query: Json, *, accept: str = "application/json", timeout: float | None = None
    ) -> HTTPResponse:
        """GET on a connection of its own, for watches and logs."""
        connection = self.connect()
        connection.sock.settimeout(timeout)
        response = self._send(connection, "GET", path, None, query, "", accept)
        if response.status >= 400:
            _decode(response.status, response.read())
        return response

    def lines(self, path: str, query: Json, accept: str = "application/json") -> Iterator[Json]:
        """Events of a watch, decoded, until the server ends it."""
        with self.stream(path, query, accept=accept) as response:
            for line in response:
                yield json.loads(line)

    def _send(
        self,
        connection: HTTPConnection,
        method: str,
        path: str,
        body: Any,
        query: Json,
        content_type: str,
        accept: str,
    ) -> HTTPResponse:
        headers = {"Accept": accept, "User-Agent": "dromon-cli"}
        if self._target.token:
            headers["Authorization"] = f"Bearer {self._target.token}"
        if body is not None:
            headers["Content-Type"] = content_type
        chosen = {k: v for k, v in query.items() if v not in (None, "")}
        url = f"{path}?{urlencode(chosen, doseq=True)}" if chosen else path
        try:
            connection.request(method, url, None if body is None else json.dumps(body), headers)
            return connection.getresponse()
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from error

    @property
    def catalog(self) -> Catalog:
        """The kinds that the server has, by discovery."""
        if self._catalog is None:
            self._catalog = Catalog(self.call)
        return self._catalog

    def kind(self, name: str) -> Kind:
        """The kind that a person means by `name`.

        Raises:
            click.ClickException: the server has none.
        """
        found = self.catalog.named(name)
        if found is None:
            raise click.ClickException(f'the server doesn\'t have a resource type "{name}"')
        return found


def _decode(code: int, data: bytes) -> Any:
    try:
        value = json.loads(data) if data else {}
    except ValueError:
        value = {"message": data.decode(errors="replace").strip()}
    if code >= 400:
        raise ServerError(code, value if isinstance(value, dict) else {})
    return value


def with_session(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command a Session as its first argument, and the options that choose it."""

    @click.option(
        "--kubeconfig", metavar="FILE", help="Kubeconfig to use (default: $KUBECONFIG, ~/.dromon/kubeconfig)."
    )
    @click.option("-n", "--namespace", default="", help="Namespace (default: the context's).")
    @wraps(command)
    def wrapped(*args: Any, kubeconfig: str | None, namespace: str, **kwargs: Any) -> Any:
        session = Session(load(find_kubeconfig(kubeconfig)), namespace)
        return command(session, *args, **kwargs)

    return wrapped
