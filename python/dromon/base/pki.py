"""The cluster's own certificate authority: one CA, serving certificates and client certificates.

Keys are EC P-256 (fast handshakes); files are PEM, mode 0600, written atomically. Everything is idempotent:
what is on disk is kept while it fits what is asked for and is not about to expire.
Source: the layout and lifetimes of kubeadm's PKI (CA ten years, others one); RFC 5280 for the extensions.

Neighbours: the CLI makes what components need; this is the one importer of `cryptography`.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = 86400.0
CA_LIFE = 3650 * _DAY
LIFE = 365 * _DAY
RENEW_BEFORE = 30 * _DAY
"""A certificate that expires within so many seconds is made anew."""

_SKEW = 3600.0
"""Certificates begin to be valid so long ago, so that clocks may differ."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, as files."""

    certificate: Path
    key: Path


class Authority:
    """A CA in a directory, and the certificates that it signed there.

    Args:
        directory: where the files are; `ensure` makes it.
        now: the present, seconds since the epoch.
    """

    def __init__(
        self, directory: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, now: float
    ) -> None:
        self._directory = directory
        self._certificate = certificate
        self._key = key
        self._now = now

    @classmethod
    def ensure(cls, directory: Path, now: float, name: str = "dromon-ca") -> Authority:
        """The CA of `directory`, made where there is none or it is about to expire.

        Raises:
            OSError: the directory can't be read or written.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        pair = Pair(directory / "ca.crt", directory / "ca.key")
        loaded = _load(pair)
        if loaded is not None and _expires(loaded[0]) - now > RENEW_BEFORE:
            return cls(directory, *loaded, now)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, subject, key.public_key(), now, CA_LIFE)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_usage(ca=True), critical=True)
        certificate = builder.sign(key, hashes.SHA256())
        _save(pair, certificate, key)
        return cls(directory, certificate, key, now)

    @property
    def ca_file(self) -> Path:
        """The CA's certificate."""
        return self._directory / "ca.crt"

    def server(self, file: str, *, common_name: str, names: Sequence[str]) -> Pair:
        """A serving certificate.

        Args:
            file: name of the files, without suffix.
            names: DNS names and IP addresses that it is valid for.
        """
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        return self._leaf(file, subject, (ExtendedKeyUsageOID.SERVER_AUTH,), tuple(dict.fromkeys(names)))

    def peer(self, file: str, *, common_name: str, names: Sequence[str]) -> Pair:
        """A certificate for both ends, as members of an etcd cluster show it to each other."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        purposes = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
        return self._leaf(file, subject, purposes, tuple(dict.fromkeys(names)))

    def client(self, file: str, *, user: str, groups: Sequence[str] = ()) -> Pair:
        """A client certificate: the user's name is the CN, each group an O."""
        parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject = x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, user)])
        return self._leaf(file, subject, (ExtendedKeyUsageOID.CLIENT_AUTH,), ())

    def _leaf(
        self,
        file: str,
        subject: x509.Name,
        purposes: tuple[x509.ObjectIdentifier, ...],
        names: tuple[str, ...],
    ) -> Pair:
        pair = Pair(self._directory / f"{file}.crt", self._directory / f"{file}.key")
        loaded = _load(pair)
        if loaded is not None and self._fits(loaded[0], subject, purposes, names):
            return pair
        key = ec.generate_private_key(ec.SECP256R1())
        life = min(LIFE, _expires(self._certificate) - self._now)
        builder = _builder(subject, self._certificate.subject, key.public_key(), self._now, life)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(ca=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        if names:
            alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        _save(pair, builder.sign(self._key, hashes.SHA256()), key)
        return pair

    def _fits(
        self,
        certificate: x509.Certificate,
        subject: x509.Name,
        purposes: tuple[x509.ObjectIdentifier, ...],
        names: tuple[str, ...],
    ) -> bool:
        if certificate.subject != subject or _expires(certificate) - self._now <= RENEW_BEFORE:
            return False
        try:
            certificate.verify_directly_issued_by(self._certificate)
            usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        if set(usage) != set(purposes):
            return False
        try:
            present = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return not names
        return set(present) == {_general_name(name) for name in names}


def subject(der: bytes) -> tuple[str, tuple[str, ...]]:
    """Common name and organizations of a certificate: the user and the groups.

    Raises:
        ValueError: it is no certificate.
    """
    names = x509.load_der_x509_certificate(der).subject
    common = names.get_attributes_for_oid(NameOID.COMMON_NAME)
    organizations = names.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(common[0].value) if common else "", tuple(str(o.value) for o in organizations)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: float, life: float
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_moment(now - _SKEW))
        .not_valid_after(_moment(now + life))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)


def _expires(certificate: x509.Certificate) -> float:
    return certificate.not_valid_after_utc.timestamp()


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _load(pair: Pair) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
    """What the files hold; None when they are missing, damaged, or don't belong together."""
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        return None
    for path in (pair.certificate, pair.key):
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    return certificate, key


def _save(pair: Pair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # The key first: a crash in between leaves a pair that does not match, which the next start replaces.
    _write(pair.key, secret)
    _write(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM))


def _write(path: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
