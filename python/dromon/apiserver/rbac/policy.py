"""Who has which rules, from the roles and bindings that are stored. Pure but for what it is made from.

A request looks at the bindings of its user and groups only: they are filed by subject.

Neighbours: authorizer asks and makes it anew when roles or bindings change; rules judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dromon.api.kinds.rbac import GROUP_KIND, SERVICE_ACCOUNT, USER
from dromon.api.types.rbac import (
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)
from dromon.apiserver.authn import User
from dromon.apiserver.authz import Attributes
from dromon.apiserver.rbac.rules import allows

SubjectKey = tuple[str, str]
"""("User", name) or ("Group", name); a service account is the user that its tokens name."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A binding for one of its subjects.

    Attributes:
        namespace: in which it holds; "": everywhere.
        source: for people: 'ClusterRoleBinding "x"'.
    """

    namespace: str
    rules: tuple[PolicyRule, ...]
    source: str


def service_account_user(namespace: str, name: str) -> str:
    """The user name of a service account."""
    return f"system:serviceaccount:{namespace}:{name}"


def subject_key(subject: Subject, namespace: str) -> SubjectKey:
    """Under what a subject's grants are filed; `namespace` of the binding is the account's default."""
    if subject.kind == SERVICE_ACCOUNT:
        return USER, service_account_user(subject.namespace or namespace, subject.name)
    return subject.kind, subject.name


class Policy:
    """All roles and bindings at one moment.

    Args:
        cluster_roles, roles: by name, and by (namespace, name).
        cluster_bindings, bindings: as stored; those whose role is missing give nothing.
    """

    def __init__(
        self,
        cluster_roles: Mapping[str, ClusterRole],
        roles: Mapping[tuple[str, str], Role],
        cluster_bindings: Iterable[ClusterRoleBinding],
        bindings: Iterable[RoleBinding],
    ) -> None:
        self._cluster_roles = cluster_roles
        self._roles = roles
        self._grants: dict[SubjectKey, list[Grant]] = {}
        for cluster_binding in cluster_bindings:
            self._file(cluster_binding, "", f'ClusterRoleBinding "{cluster_binding.metadata.name}"')
        for binding in bindings:
            namespace = binding.metadata.namespace
            self._file(binding, namespace, f'RoleBinding "{binding.metadata.name}/{namespace}"')

    def _file(self, binding: ClusterRoleBinding | RoleBinding, namespace: str, source: str) -> None:
        rules = self.rules_of(binding.role_ref, namespace)
        if not rules:
            return
        for subject in binding.subjects:
            what = f'{subject.kind} "{subject.name}"'
            source_of = f"RBAC: allowed by {source} of {binding.role_ref.kind} "
            grant = Grant(namespace, rules, f'{source_of}"{binding.role_ref.name}" to {what}')
            self._grants.setdefault(subject_key(subject, namespace), []).append(grant)

    def rules_of(self, ref: RoleRef, namespace: str) -> tuple[PolicyRule, ...]:
        """The rules of the role that a binding names; none where there is no such role."""
        role = (
            self._cluster_roles.get(ref.name)
            if ref.kind == "ClusterRole"
            else self._roles.get((namespace, ref.name))
        )
        return tuple(role.rules) if role is not None else ()

    def grants(self, user: User, namespace: str) -> Iterator[Grant]:
        """What holds for a user in a namespace ("": what holds everywhere)."""
        keys = [(USER, user.name), *((GROUP_KIND, group) for group in user.groups)]
        for key in keys:
            for grant in self._grants.get(key, ()):
                if not grant.namespace or grant.namespace == namespace:
                    yield grant

    def rules(self, user: User, namespace: str) -> list[PolicyRule]:
        """All rules that hold for a user in a namespace."""
        return [rule for grant in self.grants(user, namespace) for rule in grant.rules]

    def allows(self, user: User, a: Attributes) -> str | None:
        """The source of the first grant that allows a request, None where none does."""
        for grant in self.grants(user, a.namespace):
            if any(allows(rule, a) for rule in grant.rules):
                return grant.source
        return None
