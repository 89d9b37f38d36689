"""The admission units."""

from __future__ import annotations

import pytest

from dromon.api import codec
from dromon.api.errors import ApiError
from dromon.api.kinds import NAMESPACES, PODS
from dromon.api.types.affinity import Toleration
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.namespace import Namespace
from dromon.api.types.pod import Pod, PodSpec
from dromon.apiserver.admission import (
    PROTECTED_NAMESPACES,
    Attributes,
    DefaultTolerationSeconds,
    NamespaceLifecycle,
    ServiceAccountDefault,
)

STORED = {
    "ns": codec.encode_json(Namespace(metadata=ObjectMeta(name="ns"))),
    "going": codec.encode_json(
        Namespace(metadata=ObjectMeta(name="going", deletion_timestamp="2024-01-01T00:00:00Z"))
    ),
}
lifecycle = NamespaceLifecycle(STORED.get)


def create(namespace: str = "ns", spec: PodSpec | None = None) -> Attributes:
    return Attributes("create", PODS, namespace, "p", new=Pod(spec=spec or PodSpec()))


def test_namespaces_must_exist() -> None:
    lifecycle.admit(create())
    with pytest.raises(ApiError, match='namespaces "none" not found') as refused:
        lifecycle.admit(create("none"))
    assert refused.value.code == 404


def test_nothing_new_in_a_terminating_namespace() -> None:
    with pytest.raises(ApiError) as refused:
        lifecycle.admit(create("going"))
    assert refused.value.code == 403
    assert refused.value.message == (
        'pods "p" is forbidden: unable to create new content in namespace going '
        "because it is being terminated"
    )
    details = refused.value.status.details
    assert details is not None
    assert details.causes[0].reason == "NamespaceTerminating"


def test_updates_in_a_terminating_namespace_are_fine() -> None:
    lifecycle.admit(Attributes("update", PODS, "going", "p", new=Pod(), old=Pod()))


@pytest.mark.parametrize("name", PROTECTED_NAMESPACES)
def test_system_namespaces_stay(name: str) -> None:
    with pytest.raises(ApiError, match="this namespace may not be deleted"):
        lifecycle.admit(Attributes("delete", NAMESPACES, "", name))
    lifecycle.admit(Attributes("delete", NAMESPACES, "", "other"))


def test_service_account() -> None:
    a = create()
    ServiceAccountDefault().admit(a)
    assert (a.new.spec.service_account_name, a.new.spec.service_account) == ("default", "default")
    a = create(spec=PodSpec(service_account="robot"))
    ServiceAccountDefault().admit(a)
    assert a.new.spec.service_account_name == "robot"


def test_tolerations_are_added_unless_there_are_some() -> None:
    a = create()
    DefaultTolerationSeconds().admit(a)
    assert [(t.key, t.toleration_seconds) for t in a.new.spec.tolerations] == [
        ("node.kubernetes.io/not-ready", 300),
        ("node.kubernetes.io/unreachable", 300),
    ]
    own = Toleration(key="node.kubernetes.io/not-ready", operator="Exists", toleration_seconds=5)
    a = create(spec=PodSpec(tolerations=[own]))
    DefaultTolerationSeconds().admit(a)
    assert [t.key for t in a.new.spec.tolerations] == [own.key, "node.kubernetes.io/unreachable"]
    everything = Toleration(operator="Exists")
    a = create(spec=PodSpec(tolerations=[everything]))
    DefaultTolerationSeconds().admit(a)
    assert a.new.spec.tolerations == [everything]
