"""SubjectAccessReview and its siblings (authorization.k8s.io/v1): what somebody may do.

Neighbours: authentication says who they are.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, always, always_list
from dromon.api.types.meta import FieldSelectorRequirement, LabelSelectorRequirement, ObjectMeta

PACKAGE = "k8s.io.api.authorization.v1"


class FieldSelectorAttributes(Api):
    """authorization.k8s.io/v1 FieldSelectorAttributes."""

    raw_selector: str = ""
    requirements: list[FieldSelectorRequirement] = []


class LabelSelectorAttributes(Api):
    """authorization.k8s.io/v1 LabelSelectorAttributes."""

    raw_selector: str = ""
    requirements: list[LabelSelectorRequirement] = []


class ResourceAttributes(Api):
    """authorization.k8s.io/v1 ResourceAttributes."""

    namespace: str = ""
    verb: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    field_selector: FieldSelectorAttributes | None = None
    label_selector: LabelSelectorAttributes | None = None


class NonResourceAttributes(Api):
    """authorization.k8s.io/v1 NonResourceAttributes."""

    path: str = ""
    verb: str = ""


class SubjectAccessReviewSpec(Api):
    """authorization.k8s.io/v1 SubjectAccessReviewSpec."""

    resource_attributes: ResourceAttributes | None = None
    non_resource_attributes: NonResourceAttributes | None = None
    user: str = ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}
    uid: str = ""


class SubjectAccessReviewStatus(Api):
    """authorization.k8s.io/v1 SubjectAccessReviewStatus."""

    allowed: bool = always(False)
    denied: bool = False
    reason: str = ""
    evaluation_error: str = ""


class SubjectAccessReview(Api):
    """authorization.k8s.io/v1 SubjectAccessReview."""

    kind: str = always("SubjectAccessReview")
    api_version: str = always("authorization.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: SubjectAccessReviewSpec = field(default_factory=SubjectAccessReviewSpec)
    status: SubjectAccessReviewStatus = field(default_factory=SubjectAccessReviewStatus)


class SelfSubjectAccessReviewSpec(Api):
    """authorization.k8s.io/v1 SelfSubjectAccessReviewSpec."""

    resource_attributes: ResourceAttributes | None = None
    non_resource_attributes: NonResourceAttributes | None = None


class SelfSubjectAccessReview(Api):
    """authorization.k8s.io/v1 SelfSubjectAccessReview."""

    kind: str = always("SelfSubjectAccessReview")
    api_version: str = always("authorization.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: SelfSubjectAccessReviewSpec = field(default_factory=SelfSubjectAccessReviewSpec)
    status: SubjectAccessReviewStatus = field(default_factory=SubjectAccessReviewStatus)


class LocalSubjectAccessReview(Api):
    """authorization.k8s.io/v1 LocalSubjectAccessReview."""

    kind: str = always("LocalSubjectAccessReview")
    api_version: str = always("authorization.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: SubjectAccessReviewSpec = field(default_factory=SubjectAccessReviewSpec)
    status: SubjectAccessReviewStatus = field(default_factory=SubjectAccessReviewStatus)


class SelfSubjectRulesReviewSpec(Api):
    """authorization.k8s.io/v1 SelfSubjectRulesReviewSpec."""

    namespace: str = ""


class ResourceRule(Api):
    """authorization.k8s.io/v1 ResourceRule."""

    verbs: list[str] = always_list()
    api_groups: list[str] = []
    resources: list[str] = []
    resource_names: list[str] = []


class NonResourceRule(Api):
    """authorization.k8s.io/v1 NonResourceRule."""

    verbs: list[str] = always_list()
    non_resource_urls: list[str] = field(default_factory=list, name="nonResourceURLs")


class SubjectRulesReviewStatus(Api):
    """authorization.k8s.io/v1 SubjectRulesReviewStatus."""

    resource_rules: list[ResourceRule] = always_list()
    non_resource_rules: list[NonResourceRule] = always_list()
    incomplete: bool = always(False)
    evaluation_error: str = ""


class SelfSubjectRulesReview(Api):
    """authorization.k8s.io/v1 SelfSubjectRulesReview."""

    kind: str = always("SelfSubjectRulesReview")
    api_version: str = always("authorization.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: SelfSubjectRulesReviewSpec = field(default_factory=SelfSubjectRulesReviewSpec)
    status: SubjectRulesReviewStatus = field(default_factory=SubjectRulesReviewStatus)
