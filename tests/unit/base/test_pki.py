"""The certificate authority: idempotence, renewal, modes, and a real TLS handshake with its certificates."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from dromon.base import pki
from dromon.base.http.client import HttpClient
from dromon.base.http.messages import Reply, Request, Response
from dromon.base.http.server import HttpServer

NOW = 1_800_000_000.0
DAY = 86400.0


def contents(directory: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in directory.iterdir()}


def make(directory: Path, now: float = NOW, names: tuple[str, ...] = ("localhost", "127.0.0.1")) -> None:
    authority = pki.Authority.ensure(directory, now)
    authority.server("server", common_name="server", names=names)
    authority.client("admin", user="kubernetes-admin", groups=["system:masters"])


def test_everything_is_private_and_idempotent(tmp_path: Path) -> None:
    make(tmp_path / "pki")
    first = contents(tmp_path / "pki")
    assert sorted(first) == ["admin.crt", "admin.key", "ca.crt", "ca.key", "server.crt", "server.key"]
    assert {p.stat().st_mode & 0o777 for p in (tmp_path / "pki").iterdir()} == {0o600}
    assert (tmp_path / "pki").stat().st_mode & 0o777 == 0o700
    make(tmp_path / "pki", NOW + 100 * DAY)
    assert contents(tmp_path / "pki") == first


def test_leaves_are_renewed_near_expiry_and_the_ca_stays(tmp_path: Path) -> None:
    make(tmp_path)
    first = contents(tmp_path)
    make(tmp_path, NOW + 340 * DAY)
    second = contents(tmp_path)
    assert second["ca.crt"] == first["ca.crt"]
    assert all(second[f] != first[f] for f in ("admin.crt", "admin.key", "server.crt", "server.key"))


def test_a_new_ca_signs_everything_anew(tmp_path: Path) -> None:
    make(tmp_path)
    first = contents(tmp_path)
    make(tmp_path, NOW + 3640 * DAY)
    assert not set(contents(tmp_path).values()) & set(first.values())


@pytest.mark.parametrize("damage", [b"", b"not pem", None])
@pytest.mark.parametrize("file", ["server.key", "server.crt"])
def test_damaged_files_are_replaced(tmp_path: Path, file: str, damage: bytes | None) -> None:
    make(tmp_path)
    if damage is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(damage)
    make(tmp_path)
    pki_pair = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pki_pair.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")


def test_other_names_make_another_certificate(tmp_path: Path) -> None:
    make(tmp_path)
    first = contents(tmp_path)
    make(tmp_path, names=("localhost", "10.0.0.1"))
    second = contents(tmp_path)
    assert second["server.crt"] != first["server.crt"]
    assert second["admin.crt"] == first["admin.crt"]


async def test_the_certificates_serve_and_identify(tmp_path: Path) -> None:
    import time

    make(tmp_path, time.time())
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    server_context.load_verify_locations(tmp_path / "ca.crt")
    server_context.verify_mode = ssl.CERT_OPTIONAL

    async def whoami(request: Request) -> Reply:
        if request.certificate is None:
            return Response(401)
        return Response(
            200, x509.load_der_x509_certificate(request.certificate).subject.rfc4514_string().encode()
        )

    server = HttpServer(whoami, ssl_context=server_context)
    await server.start()
    answers = []
    for certificate in ("admin", ""):
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        if certificate:
            context.load_cert_chain(tmp_path / "admin.crt", tmp_path / "admin.key")
        client = HttpClient("127.0.0.1", server.port, ssl_context=context)
        answers.append(await client.request("GET", "/"))
        await client.close()
    await server.close(1)
    assert answers[0].body == b"CN=kubernetes-admin,O=system:masters"
    assert answers[1].status == 401


def test_subject_gives_user_and_groups(tmp_path: Path) -> None:
    authority = pki.Authority.ensure(tmp_path, NOW)
    pair = authority.client("node", user="system:node:n1", groups=["system:nodes", "others"])
    der = ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())
    assert pki.subject(der) == ("system:node:n1", ("system:nodes", "others"))
    with pytest.raises(ValueError):
        pki.subject(b"nonsense")


def test_a_peer_is_server_and_client(tmp_path: Path) -> None:
    authority = pki.Authority.ensure(tmp_path, NOW)
    pair = authority.peer("member", common_name="etcd-1", names=["10.0.0.1"])
    assert authority.peer("member", common_name="etcd-1", names=["10.0.0.1"]) == pair
    usages = x509.load_pem_x509_certificate(pair.certificate.read_bytes()).extensions
    purposes = set(usages.get_extension_for_class(x509.ExtendedKeyUsage).value)
    assert purposes == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    before = pair.certificate.read_bytes()
    authority.server("member", common_name="etcd-1", names=["10.0.0.1"])
    assert pair.certificate.read_bytes() != before, "another purpose, another certificate"
