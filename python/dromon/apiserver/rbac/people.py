"""The roles that are meant for people: view, edit and admin of a namespace. Pure data.

They have no rules of their own: the aggregation controller gathers those of all roles with their label, so
that whoever defines a resource says who may see and change it.

Source: documentation, "User-facing roles" and "Aggregated ClusterRoles".

Neighbours: reconcile keeps them in the store; defaults has the others.
"""

from __future__ import annotations

from dromon.api.types.meta import LabelSelector, ObjectMeta
from dromon.api.types.rbac import AggregationRule, ClusterRole
from dromon.apiserver.rbac.defaults import AUTOUPDATE, BOOTSTRAP_LABEL, READ, WRITE, role, rule

_LABEL = "rbac.authorization.k8s.io/aggregate-to-"
_CORE = (
    "configmaps",
    "endpoints",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "replicationcontrollers/scale",
    "serviceaccounts",
    "services",
)
_CORE_STATUS = (
    "persistentvolumeclaims/status",
    "pods/log",
    "pods/status",
    "replicationcontrollers/status",
    "resourcequotas/status",
    "services/status",
    "namespaces/status",
)
_APPS = (
    "controllerrevisions",
    "daemonsets",
    "deployments",
    "deployments/scale",
    "replicasets",
    "replicasets/scale",
    "statefulsets",
    "statefulsets/scale",
)
_APPS_STATUS = ("daemonsets/status", "deployments/status", "replicasets/status", "statefulsets/status")
_CHANGED_APPS = ("deployments/rollback", *(r for r in _APPS if r != "controllerrevisions"))


def _aggregated(name: str, *sources: str) -> ClusterRole:
    meta = ObjectMeta(name=name, labels=dict(BOOTSTRAP_LABEL), annotations={AUTOUPDATE: "true"})
    if name in ("view", "edit"):
        meta.labels[_LABEL + {"view": "edit", "edit": "admin"}[name]] = "true"
    selectors = [LabelSelector(match_labels={_LABEL + source: "true"}) for source in sources]
    return ClusterRole(metadata=meta, aggregation_rule=AggregationRule(cluster_role_selectors=selectors))


ROLES: tuple[ClusterRole, ...] = (
    _aggregated("view", "view"),
    _aggregated("edit", "edit"),
    _aggregated("admin", "admin"),
    role(
        "system:aggregate-to-view",
        rule(
            READ,
            "",
            *_CORE,
            "bindings",
            "events",
            "limitranges",
            "namespaces",
            "resourcequotas",
            *_CORE_STATUS,
        ),
        rule(READ, "discovery.k8s.io", "endpointslices"),
        rule(READ, "apps", *_APPS, *_APPS_STATUS),
        rule(READ, "autoscaling", "horizontalpodautoscalers", "horizontalpodautoscalers/status"),
        rule(READ, "batch", "cronjobs", "cronjobs/status", "jobs", "jobs/status"),
        rule(READ, "policy", "poddisruptionbudgets", "poddisruptionbudgets/status"),
        rule(READ, "networking.k8s.io", "ingresses", "ingresses/status", "networkpolicies"),
        labels={_LABEL + "view": "true"},
    ),
    role(
        "system:aggregate-to-edit",
        rule(
            READ,
            "",
            "pods/attach",
            "pods/exec",
            "pods/portforward",
            "pods/proxy",
            "secrets",
            "services/proxy",
        ),
        rule("impersonate", "", "serviceaccounts"),
        rule(WRITE, "", "pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"),
        rule("create", "", "pods/eviction", "serviceaccounts/token"),
        rule(
            WRITE,
            "",
            *(r for r in _CORE if r not in ("endpoints", "pods")),
            "events",
            "secrets",
            "services/proxy",
        ),
        rule(WRITE, "apps", *_CHANGED_APPS),
        rule(WRITE, "autoscaling", "horizontalpodautoscalers"),
        rule(WRITE, "batch", "cronjobs", "jobs"),
        rule(WRITE, "policy", "poddisruptionbudgets"),
        rule(WRITE, "networking.k8s.io", "ingresses", "networkpolicies"),
        rule((*WRITE, *READ), "coordination.k8s.io", "leases"),
        labels={_LABEL + "edit": "true"},
    ),
    role(
        "system:aggregate-to-admin",
        rule("create", "authorization.k8s.io", "localsubjectaccessreviews"),
        rule((*WRITE, *READ), "rbac.authorization.k8s.io", "rolebindings", "roles"),
        labels={_LABEL + "admin": "true"},
    ),
)
