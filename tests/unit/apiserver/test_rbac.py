"""Role based access control: one rule, all rules of a user, and what may be given."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromon.api.errors import ApiError
from dromon.api.kinds.rbac import CLUSTER_ROLES, ROLE_BINDINGS
from dromon.api.types.rbac import ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding
from dromon.apiserver.authn import User
from dromon.apiserver.authz import Attributes
from dromon.apiserver.rbac import defaults, escalation, people, reconcile
from dromon.apiserver.rbac.policy import Policy
from dromon.apiserver.rbac.rules import allows, covered, parts

BOB = User("bob", ("dev", "system:authenticated"))


def rule(**fields: Any) -> PolicyRule:
    return msgspec.convert(fields, PolicyRule)


def asks(verb: str = "get", resource: str = "pods", **more: str) -> Attributes:
    return Attributes(verb, "", resource=resource, **more)


@pytest.mark.parametrize(
    ("given_rule", "attributes", "allowed"),
    [
        (rule(verbs=["get"], apiGroups=[""], resources=["pods"]), asks(), True),
        (rule(verbs=["list"], apiGroups=[""], resources=["pods"]), asks(), False),
        (rule(verbs=["*"], apiGroups=["*"], resources=["*"]), asks(subresource="exec"), True),
        (rule(verbs=["get"], apiGroups=[""], resources=["pods"]), asks(subresource="log"), False),
        (rule(verbs=["get"], apiGroups=[""], resources=["pods/log"]), asks(subresource="log"), True),
        (rule(verbs=["get"], apiGroups=[""], resources=["pods/log"]), asks(), False),
        (rule(verbs=["get"], apiGroups=["*"], resources=["*/scale"]), asks(subresource="scale"), True),
        (rule(verbs=["get"], apiGroups=["apps"], resources=["pods"]), asks(), False),
        (rule(verbs=["get"], apiGroups=[""], resources=["pods"], resourceNames=["a"]), asks(name="a"), True),
        (rule(verbs=["get"], apiGroups=[""], resources=["pods"], resourceNames=["a"]), asks(name="b"), False),
        (rule(verbs=["get"], apiGroups=[""], resources=["pods"], resourceNames=["a"]), asks(), False),
        (rule(verbs=["get"], nonResourceURLs=["/metrics"]), Attributes("get", "/metrics"), True),
        (rule(verbs=["get"], nonResourceURLs=["/logs/*"]), Attributes("get", "/logs/x/y"), True),
        (rule(verbs=["get"], nonResourceURLs=["/logs/*"]), Attributes("get", "/log"), False),
        (rule(verbs=["*"], apiGroups=["*"], resources=["*"]), Attributes("get", "/metrics"), False),
    ],
)
def test_one_rule(given_rule: PolicyRule, attributes: Attributes, allowed: bool) -> None:
    assert allows(given_rule, attributes) is allowed


WORDS = st.lists(st.sampled_from(["a", "b", "*"]), min_size=1, max_size=2)
RULES = st.builds(
    lambda v, g, r, n: rule(verbs=v, apiGroups=g, resources=r, resourceNames=n),
    WORDS,
    WORDS,
    st.lists(st.sampled_from(["pods", "pods/log", "*", "*/log"]), min_size=1, max_size=2),
    st.lists(st.sampled_from(["x", "y"]), max_size=2),
)
REQUESTS = st.builds(
    lambda v, g, s, n: Attributes(v, "", g, "pods", s, "", n),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["", "log", "exec"]),
    st.sampled_from(["", "x", "y", "z"]),
)


@given(st.lists(RULES, max_size=3), RULES, REQUESTS)
def test_what_is_covered_gives_nothing_new(
    owned: list[PolicyRule], wanted: PolicyRule, a: Attributes
) -> None:
    if not covered([wanted], owned) and allows(wanted, a):
        assert any(allows(o, a) for o in owned)


@given(RULES, REQUESTS)
def test_parts_are_the_whole(wanted: PolicyRule, a: Attributes) -> None:
    assert allows(wanted, a) == any(allows(part, a) for part in parts(wanted))


def policy(*objects: Any) -> Policy:
    def of(kind: type[Any]) -> list[Any]:
        return [o for o in objects if type(o) is kind]

    return Policy(
        {r.metadata.name: r for r in of(ClusterRole)},
        {(r.metadata.namespace, r.metadata.name): r for r in of(Role)},
        of(ClusterRoleBinding),
        of(RoleBinding),
    )


def made(kind: type[Any], name: str, namespace: str = "", **fields: Any) -> Any:
    return msgspec.convert({"metadata": {"name": name, "namespace": namespace}, **fields}, kind)


READER = made(ClusterRole, "reader", rules=[{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}])
REF = {"kind": "ClusterRole", "name": "reader", "apiGroup": "rbac.authorization.k8s.io"}


def test_a_role_binding_holds_in_its_namespace_alone() -> None:
    subjects = [{"kind": "Group", "name": "dev"}]
    p = policy(READER, made(RoleBinding, "b", "one", roleRef=REF, subjects=subjects))
    assert p.allows(BOB, asks(namespace="one")) is not None
    assert p.allows(BOB, asks(namespace="two")) is None
    assert p.allows(BOB, asks()) is None
    assert p.allows(User("eve"), asks(namespace="one")) is None


def test_a_cluster_role_binding_holds_everywhere() -> None:
    p = policy(READER, made(ClusterRoleBinding, "b", roleRef=REF, subjects=[{"kind": "User", "name": "bob"}]))
    assert p.allows(BOB, asks(namespace="any")) == (
        'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "reader" to User "bob"'
    )


def test_a_service_account_is_the_user_of_its_tokens() -> None:
    subjects = [{"kind": "ServiceAccount", "name": "robot"}]
    p = policy(READER, made(RoleBinding, "b", "one", roleRef=REF, subjects=subjects))
    assert p.allows(User("system:serviceaccount:one:robot"), asks(namespace="one")) is not None
    assert p.allows(User("system:serviceaccount:two:robot"), asks(namespace="one")) is None


def test_nobody_gives_what_they_lack() -> None:
    own = [{"verbs": ["*"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["rolebindings"]}]
    subjects = [{"kind": "User", "name": "bob"}]
    mine = made(ClusterRole, "mine", rules=own)
    ref = {**REF, "name": "mine"}
    p = policy(READER, mine, made(RoleBinding, "b", "one", roleRef=ref, subjects=subjects))
    wanted = made(RoleBinding, "new", "one", roleRef=REF, subjects=subjects)
    with pytest.raises(
        ApiError, match="is attempting to grant RBAC permissions not currently held"
    ) as refused:
        escalation.check(p, BOB, ROLE_BINDINGS, "one", wanted, None)
    assert refused.value.code == 403
    assert '{APIGroups:[""], Resources:["pods"], Verbs:["get"]}' in refused.value.message
    both = policy(
        READER,
        mine,
        made(RoleBinding, "b", "one", roleRef=ref, subjects=subjects),
        made(RoleBinding, "c", "one", roleRef=REF, subjects=subjects),
    )
    escalation.check(both, BOB, ROLE_BINDINGS, "one", wanted, None)
    escalation.check(both, BOB, CLUSTER_ROLES, "", READER, READER)


def test_what_every_cluster_has_is_whole() -> None:
    names = [r.metadata.name for r in (*defaults.ROLES, *people.ROLES)]
    assert len(names) == len(set(names))
    assert {b.role_ref.name for b in defaults.BINDINGS} <= set(names)
    for role in (*defaults.ROLES, *people.ROLES):
        assert CLUSTER_ROLES.strategy.validate(role) == []


def test_missing_rules_come_back_and_additions_stay() -> None:
    want = defaults.ROLES[0]
    changed = made(
        ClusterRole,
        want.metadata.name,
        rules=[{"verbs": ["get"], "apiGroups": ["example.com"], "resources": ["things"]}],
    )
    assert reconcile.mend_role(changed, want) is None, "without the annotation people look after it"
    changed.metadata.annotations = {defaults.AUTOUPDATE: "true"}
    mended = reconcile.mend_role(changed, want)
    assert mended is not None
    assert mended.rules[0] == changed.rules[0]
    assert covered(want.rules, mended.rules) == []
    assert reconcile.mend_role(mended, want) is None
