"""MutatingWebhookConfiguration and ValidatingWebhookConfiguration (admissionregistration.k8s.io/v1).

Neighbours: apiserver.admission calls what they name.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, always, always_list
from dromon.api.types.meta import LabelSelector, ListMeta, ObjectMeta

PACKAGE = "k8s.io.api.admissionregistration.v1"


class ServiceReference(Api):
    """admissionregistration.k8s.io/v1 ServiceReference."""

    namespace: str = always("")
    name: str = always("")
    path: str | None = None
    port: Int32 | None = None


class WebhookClientConfig(Api):
    """admissionregistration.k8s.io/v1 WebhookClientConfig."""

    url: str | None = None
    service: ServiceReference | None = None
    ca_bundle: bytes = b""


class Rule(Api):
    """admissionregistration.k8s.io/v1 Rule."""

    api_groups: list[str] = []
    api_versions: list[str] = []
    resources: list[str] = []
    scope: str | None = None


class RuleWithOperations(Rule):
    """admissionregistration.k8s.io/v1 RuleWithOperations."""

    operations: list[str] = []


class MatchCondition(Api):
    """admissionregistration.k8s.io/v1 MatchCondition."""

    name: str = always("")
    expression: str = always("")


class MutatingWebhook(Api):
    """admissionregistration.k8s.io/v1 MutatingWebhook."""

    name: str = always("")
    client_config: WebhookClientConfig = field(default_factory=WebhookClientConfig)
    rules: list[RuleWithOperations] = []
    failure_policy: str | None = None
    match_policy: str | None = None
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None
    side_effects: str | None = None
    timeout_seconds: Int32 | None = None
    admission_review_versions: list[str] = always_list()
    reinvocation_policy: str | None = None
    match_conditions: list[MatchCondition] = []


class MutatingWebhookConfiguration(Api):
    """admissionregistration.k8s.io/v1 MutatingWebhookConfiguration."""

    kind: str = always("MutatingWebhookConfiguration")
    api_version: str = always("admissionregistration.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    webhooks: list[MutatingWebhook] = []


class MutatingWebhookConfigurationList(Api):
    """A page of MutatingWebhookConfiguration objects."""

    kind: str = always("MutatingWebhookConfigurationList")
    api_version: str = always("admissionregistration.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[MutatingWebhookConfiguration] = always_list()


class ValidatingWebhook(Api):
    """admissionregistration.k8s.io/v1 ValidatingWebhook."""

    name: str = always("")
    client_config: WebhookClientConfig = field(default_factory=WebhookClientConfig)
    rules: list[RuleWithOperations] = []
    failure_policy: str | None = None
    match_policy: str | None = None
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None
    side_effects: str | None = None
    timeout_seconds: Int32 | None = None
    admission_review_versions: list[str] = always_list()
    match_conditions: list[MatchCondition] = []


class ValidatingWebhookConfiguration(Api):
    """admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration."""

    kind: str = always("ValidatingWebhookConfiguration")
    api_version: str = always("admissionregistration.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    webhooks: list[ValidatingWebhook] = []


class ValidatingWebhookConfigurationList(Api):
    """A page of ValidatingWebhookConfiguration objects."""

    kind: str = always("ValidatingWebhookConfigurationList")
    api_version: str = always("admissionregistration.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[ValidatingWebhookConfiguration] = always_list()
