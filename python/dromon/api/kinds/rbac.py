"""Role, ClusterRole, RoleBinding and ClusterRoleBinding (rbac.authorization.k8s.io/v1).

Source: the API reference of rbac.authorization.k8s.io/v1; texts as upstream's validation gives them.

Neighbours: dromon.apiserver.rbac decides by them.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from dromon.api import names
from dromon.api.errors import FieldError, invalid_value, not_supported, required
from dromon.api.kinds.columns import age_column, name_column
from dromon.api.resource import Column, Resource, Strategy
from dromon.api.types.rbac import (
    ClusterRole,
    ClusterRoleBinding,
    ClusterRoleBindingList,
    ClusterRoleList,
    PolicyRule,
    Role,
    RoleBinding,
    RoleBindingList,
    RoleList,
    Subject,
)
from dromon.api.validation import invalid, label_selector

GROUP = "rbac.authorization.k8s.io"
USER, GROUP_KIND, SERVICE_ACCOUNT = "User", "Group", "ServiceAccount"
_KINDS = (GROUP_KIND, SERVICE_ACCOUNT, USER)

R = TypeVar("R", Role, ClusterRole)
B = TypeVar("B", RoleBinding, ClusterRoleBinding)


class RoleStrategy(Strategy[R], Generic[R]):
    """Validity of roles of either scope."""

    def name_errors(self, name: str) -> list[str]:
        return names.path_segment(name)

    def validate(self, obj: R) -> list[FieldError]:
        namespaced = isinstance(obj, Role)
        found = [e for i, rule in enumerate(obj.rules) for e in _rule_errors(rule, f"rules[{i}]", namespaced)]
        if isinstance(obj, ClusterRole) and obj.aggregation_rule is not None:
            path = "aggregationRule.clusterRoleSelectors"
            selectors = obj.aggregation_rule.cluster_role_selectors
            if not selectors:
                found.append(
                    required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")
                )
            for i, selector in enumerate(selectors):
                found += label_selector(selector, f"{path}[{i}]")
        return found


def _rule_errors(rule: PolicyRule, path: str, namespaced: bool) -> list[FieldError]:
    found: list[FieldError] = []
    if not rule.verbs:
        found.append(required(f"{path}.verbs", "verbs must contain at least one value"))
    if rule.non_resource_urls:
        if namespaced:
            text = "namespaced rules cannot apply to non-resource URLs"
            found.append(invalid_value(f"{path}.nonResourceURLs", rule.non_resource_urls, text))
        if rule.api_groups or rule.resources or rule.resource_names:
            text = "rules cannot apply to both regular resources and non-resource URLs"
            found.append(invalid_value(f"{path}.nonResourceURLs", rule.non_resource_urls, text))
        return found
    if not rule.api_groups:
        found.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.resources:
        found.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return found


class BindingStrategy(Strategy[B], Generic[B]):
    """Defaults and validity of bindings of either scope."""

    def name_errors(self, name: str) -> list[str]:
        return names.path_segment(name)

    def default(self, obj: B) -> None:
        obj.role_ref.api_group = obj.role_ref.api_group or GROUP
        for subject in obj.subjects:
            if not subject.api_group and subject.kind in (USER, GROUP_KIND):
                subject.api_group = GROUP

    def validate(self, obj: B) -> list[FieldError]:
        ref = obj.role_ref
        found: list[FieldError] = []
        if ref.api_group != GROUP:
            found.append(not_supported("roleRef.apiGroup", ref.api_group, (GROUP,)))
        namespaced = isinstance(obj, RoleBinding)
        kinds = ("ClusterRole", "Role") if namespaced else ("ClusterRole",)
        if ref.kind not in kinds:
            found.append(not_supported("roleRef.kind", ref.kind, kinds))
        if not ref.name:
            found.append(required("roleRef.name"))
        else:
            found += invalid("roleRef.name", ref.name, names.path_segment(ref.name))
        for i, subject in enumerate(obj.subjects):
            found += _subject_errors(subject, f"subjects[{i}]", namespaced)
        return found

    def validate_update(self, new: B, old: B) -> list[FieldError]:
        if new.role_ref == old.role_ref:
            return []
        return [invalid_value("roleRef", _plain_ref(new), "cannot change roleRef")]


def _plain_ref(obj: Any) -> dict[str, str]:
    ref = obj.role_ref
    return {"apiGroup": ref.api_group, "kind": ref.kind, "name": ref.name}


def _subject_errors(subject: Subject, path: str, namespaced: bool) -> list[FieldError]:
    found: list[FieldError] = []
    if not subject.name:
        found.append(required(f"{path}.name"))
    if subject.kind == SERVICE_ACCOUNT:
        if subject.name:
            found += invalid(f"{path}.name", subject.name, names.subdomain(subject.name))
        if subject.api_group:
            found.append(not_supported(f"{path}.apiGroup", subject.api_group, ("",)))
        if not namespaced and not subject.namespace:
            found.append(required(f"{path}.namespace"))
    elif subject.kind in (USER, GROUP_KIND):
        if subject.api_group != GROUP:
            found.append(not_supported(f"{path}.apiGroup", subject.api_group, (GROUP,)))
    else:
        found.append(not_supported(f"{path}.kind", subject.kind, _KINDS))
    return found


def _created_column() -> Column:
    return Column(
        "Created At",
        "date",
        lambda obj, now: obj.metadata.creation_timestamp or "",
        description="When the object was created.",
    )


def _subjects_column(heading: str, kind: str) -> Column:
    def cell(obj: Any, now: float) -> str:
        found = [s for s in obj.subjects if s.kind == kind]
        if kind == SERVICE_ACCOUNT:
            return ",".join(f"{s.namespace}/{s.name}" for s in found)
        return ", ".join(s.name for s in found)

    return Column(heading, "string", cell, priority=1, description=f"{heading} that have the role.")


_BINDING_COLUMNS = (
    name_column(),
    Column(
        "Role",
        "string",
        lambda obj, now: f"{obj.role_ref.kind}/{obj.role_ref.name}",
        description="The role that is given.",
    ),
    age_column(),
    _subjects_column("Users", USER),
    _subjects_column("Groups", GROUP_KIND),
    _subjects_column("ServiceAccounts", SERVICE_ACCOUNT),
)

ROLES: Resource[Role] = Resource(
    group=GROUP,
    version="v1",
    kind="Role",
    plural="roles",
    struct=Role,
    list_struct=RoleList,
    strategy=RoleStrategy[Role](),
    columns=(name_column(), _created_column()),
)

ROLE_BINDINGS: Resource[RoleBinding] = Resource(
    group=GROUP,
    version="v1",
    kind="RoleBinding",
    plural="rolebindings",
    struct=RoleBinding,
    list_struct=RoleBindingList,
    strategy=BindingStrategy[RoleBinding](),
    columns=_BINDING_COLUMNS,
)

CLUSTER_ROLES: Resource[ClusterRole] = Resource(
    group=GROUP,
    version="v1",
    kind="ClusterRole",
    plural="clusterroles",
    struct=ClusterRole,
    list_struct=ClusterRoleList,
    namespaced=False,
    strategy=RoleStrategy[ClusterRole](),
    columns=(name_column(), _created_column()),
)

CLUSTER_ROLE_BINDINGS: Resource[ClusterRoleBinding] = Resource(
    group=GROUP,
    version="v1",
    kind="ClusterRoleBinding",
    plural="clusterrolebindings",
    struct=ClusterRoleBinding,
    list_struct=ClusterRoleBindingList,
    namespaced=False,
    strategy=BindingStrategy[ClusterRoleBinding](),
    columns=_BINDING_COLUMNS,
)
