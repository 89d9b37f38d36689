"""CertificateSigningRequest (certificates.k8s.io/v1).

Neighbours: base.pki signs certificates.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, Time, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta

PACKAGE = "k8s.io.api.certificates.v1"


class CertificateSigningRequestSpec(Api):
    """certificates.k8s.io/v1 CertificateSigningRequestSpec."""

    request: bytes = always(b"")
    signer_name: str = always("")
    expiration_seconds: Int32 | None = None
    usages: list[str] = []
    username: str = ""
    uid: str = ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}


class CertificateSigningRequestCondition(Api):
    """certificates.k8s.io/v1 CertificateSigningRequestCondition."""

    type: str = always("")
    status: str = always("")
    reason: str = ""
    message: str = ""
    last_update_time: Time | None = None
    last_transition_time: Time | None = None


class CertificateSigningRequestStatus(Api):
    """certificates.k8s.io/v1 CertificateSigningRequestStatus."""

    conditions: list[CertificateSigningRequestCondition] = []
    certificate: bytes = b""


class CertificateSigningRequest(Api):
    """certificates.k8s.io/v1 CertificateSigningRequest."""

    kind: str = always("CertificateSigningRequest")
    api_version: str = always("certificates.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: CertificateSigningRequestSpec = field(default_factory=CertificateSigningRequestSpec)
    status: CertificateSigningRequestStatus = field(default_factory=CertificateSigningRequestStatus)


class CertificateSigningRequestList(Api):
    """A page of CertificateSigningRequest objects."""

    kind: str = always("CertificateSigningRequestList")
    api_version: str = always("certificates.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[CertificateSigningRequest] = always_list()
