"""TokenReview, TokenRequest and SelfSubjectReview (authentication.k8s.io/v1): who somebody is.

Neighbours: authorization says what they may do.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int64, Time, always, always_list
from dromon.api.types.meta import ObjectMeta

PACKAGE = "k8s.io.api.authentication.v1"


class TokenReviewSpec(Api):
    """authentication.k8s.io/v1 TokenReviewSpec."""

    token: str = ""
    audiences: list[str] = []


class UserInfo(Api):
    """authentication.k8s.io/v1 UserInfo."""

    username: str = ""
    uid: str = ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}


class TokenReviewStatus(Api):
    """authentication.k8s.io/v1 TokenReviewStatus."""

    authenticated: bool = False
    user: UserInfo = field(default_factory=UserInfo)
    audiences: list[str] = []
    error: str = ""


class TokenReview(Api):
    """authentication.k8s.io/v1 TokenReview."""

    kind: str = always("TokenReview")
    api_version: str = always("authentication.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: TokenReviewSpec = field(default_factory=TokenReviewSpec)
    status: TokenReviewStatus = field(default_factory=TokenReviewStatus)


class BoundObjectReference(Api):
    """authentication.k8s.io/v1 BoundObjectReference."""

    kind: str = ""
    api_version: str = ""
    name: str = ""
    uid: str = ""


class TokenRequestSpec(Api):
    """authentication.k8s.io/v1 TokenRequestSpec."""

    audiences: list[str] = always_list()
    expiration_seconds: Int64 | None = None
    bound_object_ref: BoundObjectReference | None = None
    attestations: dict[str, list[str]] = {}


class TokenRequestStatus(Api):
    """authentication.k8s.io/v1 TokenRequestStatus."""

    token: str = always("")
    expiration_timestamp: Time | None = always(None)


class TokenRequest(Api):
    """authentication.k8s.io/v1 TokenRequest."""

    kind: str = always("TokenRequest")
    api_version: str = always("authentication.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: TokenRequestSpec = field(default_factory=TokenRequestSpec)
    status: TokenRequestStatus = field(default_factory=TokenRequestStatus)


class SelfSubjectReviewStatus(Api):
    """authentication.k8s.io/v1 SelfSubjectReviewStatus."""

    user_info: UserInfo = field(default_factory=UserInfo)


class SelfSubjectReview(Api):
    """authentication.k8s.io/v1 SelfSubjectReview."""

    kind: str = always("SelfSubjectReview")
    api_version: str = always("authentication.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    status: SelfSubjectReviewStatus = field(default_factory=SelfSubjectReviewStatus)
