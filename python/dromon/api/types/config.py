"""ConfigMap, Secret and ServiceAccount (core/v1).

Neighbours: dromon.kubelet mounts them and fills environments from them.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta
from dromon.api.types.references import LocalObjectReference, ObjectReference

PACKAGE = "k8s.io.api.core.v1"


class ConfigMap(Api):
    """core/v1 ConfigMap."""

    kind: str = always("ConfigMap")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    immutable: bool | None = None
    data: dict[str, str] = {}
    binary_data: dict[str, bytes] = {}


class ConfigMapList(Api):
    """A page of ConfigMap objects."""

    kind: str = always("ConfigMapList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[ConfigMap] = always_list()


class Secret(Api):
    """core/v1 Secret."""

    kind: str = always("Secret")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    immutable: bool | None = None
    data: dict[str, bytes] = {}
    string_data: dict[str, str] = {}
    type: str = ""


class SecretList(Api):
    """A page of Secret objects."""

    kind: str = always("SecretList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[Secret] = always_list()


class ServiceAccount(Api):
    """core/v1 ServiceAccount."""

    kind: str = always("ServiceAccount")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    secrets: list[ObjectReference] = []
    image_pull_secrets: list[LocalObjectReference] = []
    automount_service_account_token: bool | None = None


class ServiceAccountList(Api):
    """A page of ServiceAccount objects."""

    kind: str = always("ServiceAccountList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[ServiceAccount] = always_list()
