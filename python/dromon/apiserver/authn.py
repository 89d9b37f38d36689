"""Who asks: client certificates and static bearer tokens; a seam for more.

Source: Kubernetes documentation, "Authenticating": common name is the user, organizations are the groups.

Neighbours: dromon.apiserver.handler asks each Authenticator in turn; base.pki reads certificates.
"""

from __future__ import annotations

import csv
import hmac
import logging
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

from dromon.api.errors import unauthorized
from dromon.base.http.messages import Request

log = logging.getLogger(__name__)

AUTHENTICATED = "system:authenticated"


@dataclass(frozen=True, slots=True)
class User:
    """An authenticated identity.

    Attributes:
        name: "kubernetes-admin", "system:node:n1".
        groups: "system:masters", ..., always with system:authenticated.
        uid: "" where the authenticator knows none.
    """

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


class Authenticator(Protocol):
    """One way of telling who asks."""

    def authenticate(self, request: Request) -> User | None:
        """The user, or None when the request bears no credentials of this kind.

        Raises:
            ApiError: 401 when it bears some that are not believed.
        """
        ...


@runtime_checkable
class Bearer(Protocol):
    """An authenticator of bearer tokens."""

    def token_user(self, token: str) -> User | None:
        """Whose the token is; None where it is not one of these."""
        ...


class Certificates:
    """x509 client certificates; TLS has verified them against the client CA already."""

    def authenticate(self, request: Request) -> User | None:
        if request.certificate is None:
            return None
        return _subject(request.certificate)


@lru_cache(maxsize=4096)
def _subject(der: bytes) -> User | None:
    from dromon.base import pki  # cryptography takes as long to import as all else that starting needs

    name, organizations = pki.subject(der)
    if not name:
        return None
    return User(name, (*organizations, AUTHENTICATED))


class Tokens:
    """Static bearer tokens from a CSV file of token,user,uid,"group1,group2".

    Args:
        path: the file; it must not be readable by others.

    Raises:
        ValueError: a malformed line or loose permissions, with what to do.
    """

    def __init__(self, path: str) -> None:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & 0o077:
            raise ValueError(f"{path} has mode {mode:04o} and holds secrets: run chmod 600 {path}")
        self._users: list[tuple[bytes, User]] = []
        with Path(path).open(newline="") as file:
            for number, row in enumerate(csv.reader(file), 1):
                if row and not row[0].startswith("#"):
                    self._users.append(_token_row(path, number, row))

    def authenticate(self, request: Request) -> User | None:
        scheme, _, token = request.headers.get("authorization").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return None
        found = self.token_user(token)
        if found is None:
            raise unauthorized()
        return found

    def token_user(self, token: str) -> User | None:
        given = token.encode("utf-8", "surrogateescape")
        found = None
        # Every token is compared, in constant time, so that timing tells nothing of them.
        for known, user in self._users:
            if hmac.compare_digest(known, given):
                found = user
        return found


def _token_row(path: str, number: int, row: Sequence[str]) -> tuple[bytes, User]:
    fields = [f.strip() for f in row]
    if len(fields) < 3 or not fields[0] or not fields[1]:
        raise ValueError(f'{path}:{number}: a line is token,user,uid,"group1,group2"')
    groups = [g.strip() for g in fields[3].split(",") if g.strip()] if len(fields) > 3 else []
    return fields[0].encode(), User(fields[1], (*groups, AUTHENTICATED), fields[2])


class Chain:
    """Asks several authenticators in turn; the first that knows the user wins.

    Credentials that one of them refuses are refused, unless another one believes the request.
    """

    def __init__(self, authenticators: Sequence[Authenticator]) -> None:
        self._authenticators = tuple(authenticators)

    def authenticate(self, request: Request) -> User:
        """The user, ANONYMOUS when the request bears no credentials.

        Raises:
            ApiError: 401 when all that it bears is refused.
        """
        for authenticator in self._authenticators:
            user = authenticator.authenticate(request)
            if user is not None:
                return user
        if request.headers.get("authorization"):
            raise unauthorized()
        return ANONYMOUS

    def token_user(self, token: str) -> User | None:
        """Whose a bearer token is; None where nobody's."""
        for authenticator in self._authenticators:
            if isinstance(authenticator, Bearer) and (user := authenticator.token_user(token)) is not None:
                return user
        return None
