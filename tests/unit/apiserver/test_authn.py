"""Tokens, certificates, and the chain of both."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from dromon.api.errors import ApiError
from dromon.apiserver.authn import ANONYMOUS, Certificates, Chain, Tokens, User
from dromon.apiserver.authz import Attributes, AuthenticatedOnly, is_public
from dromon.base.http.messages import Headers, Request
from dromon.base.pki import Authority


def request(authorization: str = "", certificate: bytes | None = None) -> Request:
    headers = Headers.of({"Authorization": authorization} if authorization else {})
    return Request("GET", "/api/v1/pods", headers, certificate=certificate)


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    path = tmp_path / "tokens.csv"
    path.touch(mode=0o600)
    path.write_text('# a comment\n\nsecret,alice,1,"devs, ops"\nother,bob,2\n')
    return Tokens(str(path))


def test_tokens(tokens: Tokens) -> None:
    assert tokens.authenticate(request("Bearer secret")) == User(
        "alice", ("devs", "ops", "system:authenticated"), "1"
    )
    assert tokens.authenticate(request("bearer  other")) == User("bob", ("system:authenticated",), "2")
    assert tokens.authenticate(request()) is None
    assert tokens.authenticate(request("Basic secret")) is None
    with pytest.raises(ApiError) as refused:
        tokens.authenticate(request("Bearer wrong"))
    assert refused.value.code == 401


def test_a_readable_token_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    path.write_text("a,b,c\n")
    path.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        Tokens(str(path))


@pytest.mark.parametrize("line", ["only", "token,,uid", ",user,uid", "token,user"])
def test_malformed_token_lines(tmp_path: Path, line: str) -> None:
    path = tmp_path / "tokens.csv"
    path.touch(mode=0o600)
    path.write_text(f"good,user,1\n{line}\n")
    with pytest.raises(ValueError, match=r"tokens.csv:2"):
        Tokens(str(path))


def test_certificates(tmp_path: Path) -> None:
    pair = Authority.ensure(tmp_path, 1_800_000_000.0).client("x", user="alice", groups=("a", "b"))
    der = ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())
    assert Certificates().authenticate(request(certificate=der)) == User(
        "alice", ("a", "b", "system:authenticated")
    )
    assert Certificates().authenticate(request()) is None


def test_the_chain(tokens: Tokens) -> None:
    chain = Chain([Certificates(), tokens])
    assert chain.authenticate(request()) is ANONYMOUS
    assert chain.authenticate(request("Bearer secret")).name == "alice"
    for refused in ("Bearer wrong", "Basic abc", "Bearer"):
        with pytest.raises(ApiError):
            chain.authenticate(request(refused))


def test_only_health_and_version_are_public() -> None:
    assert all(map(is_public, ("/healthz", "/livez", "/readyz", "/readyz/etcd", "/version")))
    assert not any(map(is_public, ("/", "/api", "/healthzz", "/versions", "/openapi/v2")))
    authorizer = AuthenticatedOnly()
    assert authorizer.authorize(ANONYMOUS, Attributes("get", "/api"))
    assert authorizer.authorize(User("alice"), Attributes("get", "/api")) is None
