"""Role, RoleBinding, ClusterRole and ClusterRoleBinding (rbac.authorization.k8s.io/v1).

Neighbours: apiserver.authz reads them.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, always, always_list
from dromon.api.types.meta import LabelSelector, ListMeta, ObjectMeta

PACKAGE = "k8s.io.api.rbac.v1"


class PolicyRule(Api):
    """rbac.authorization.k8s.io/v1 PolicyRule."""

    verbs: list[str] = always_list()
    api_groups: list[str] = []
    resources: list[str] = []
    resource_names: list[str] = []
    non_resource_urls: list[str] = field(default_factory=list, name="nonResourceURLs")


class Role(Api):
    """rbac.authorization.k8s.io/v1 Role."""

    kind: str = always("Role")
    api_version: str = always("rbac.authorization.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    rules: list[PolicyRule] = always_list()


class RoleList(Api):
    """A page of Role objects."""

    kind: str = always("RoleList")
    api_version: str = always("rbac.authorization.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[Role] = always_list()


class Subject(Api):
    """rbac.authorization.k8s.io/v1 Subject."""

    kind: str = always("")
    api_group: str = ""
    name: str = always("")
    namespace: str = ""


class RoleRef(Api):
    """rbac.authorization.k8s.io/v1 RoleRef."""

    api_group: str = always("")
    kind: str = always("")
    name: str = always("")


class RoleBinding(Api):
    """rbac.authorization.k8s.io/v1 RoleBinding."""

    kind: str = always("RoleBinding")
    api_version: str = always("rbac.authorization.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    subjects: list[Subject] = []
    role_ref: RoleRef = field(default_factory=RoleRef)


class RoleBindingList(Api):
    """A page of RoleBinding objects."""

    kind: str = always("RoleBindingList")
    api_version: str = always("rbac.authorization.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[RoleBinding] = always_list()


class AggregationRule(Api):
    """rbac.authorization.k8s.io/v1 AggregationRule."""

    cluster_role_selectors: list[LabelSelector] = []


class ClusterRole(Api):
    """rbac.authorization.k8s.io/v1 ClusterRole."""

    kind: str = always("ClusterRole")
    api_version: str = always("rbac.authorization.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    rules: list[PolicyRule] = always_list()
    aggregation_rule: AggregationRule | None = None


class ClusterRoleList(Api):
    """A page of ClusterRole objects."""

    kind: str = always("ClusterRoleList")
    api_version: str = always("rbac.authorization.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[ClusterRole] = always_list()


class ClusterRoleBinding(Api):
    """rbac.authorization.k8s.io/v1 ClusterRoleBinding."""

    kind: str = always("ClusterRoleBinding")
    api_version: str = always("rbac.authorization.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    subjects: list[Subject] = []
    role_ref: RoleRef = field(default_factory=RoleRef)


class ClusterRoleBindingList(Api):
    """A page of ClusterRoleBinding objects."""

    kind: str = always("ClusterRoleBindingList")
    api_version: str = always("rbac.authorization.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[ClusterRoleBinding] = always_list()
