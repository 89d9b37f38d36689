"""The roles and bindings that every cluster has. Pure data.

Source: documentation, "Using RBAC Authorization", default roles and role bindings; names as upstream's, so
that what is written for other clusters finds them. Roles of parts that run here say what these parts use.

Neighbours: reconcile keeps them in the store; people has those for users.
"""

from __future__ import annotations

from collections.abc import Sequence

from dromon.api.kinds.rbac import GROUP, GROUP_KIND, SERVICE_ACCOUNT, USER
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.rbac import ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject

BOOTSTRAP_LABEL = {"kubernetes.io/bootstrapping": "rbac-defaults"}
AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "deletecollection", "patch", "update")
_HEALTH = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*")
_DELEGATION = (
    ("create", "authentication.k8s.io", "tokenreviews"),
    ("create", "authorization.k8s.io", "subjectaccessreviews"),
)


def rule(verbs: Sequence[str] | str, group: str, *resources: str, names: Sequence[str] = ()) -> PolicyRule:
    """Verbs on resources of one group."""
    listed = [verbs] if isinstance(verbs, str) else list(verbs)
    return PolicyRule(verbs=listed, api_groups=[group], resources=list(resources), resource_names=list(names))


def urls(*paths: str) -> PolicyRule:
    """GET of paths that name no resource."""
    return PolicyRule(verbs=["get"], non_resource_urls=list(paths))


def role(name: str, *rules: PolicyRule, labels: dict[str, str] | None = None) -> ClusterRole:
    """A ClusterRole that is kept as it is here."""
    meta = ObjectMeta(
        name=name, labels={**BOOTSTRAP_LABEL, **(labels or {})}, annotations={AUTOUPDATE: "true"}
    )
    return ClusterRole(metadata=meta, rules=list(rules))


def binding(role_name: str, *subjects: Subject, name: str = "") -> ClusterRoleBinding:
    """A ClusterRoleBinding that is kept as it is here, named as the role unless told."""
    meta = ObjectMeta(name=name or role_name, labels=dict(BOOTSTRAP_LABEL), annotations={AUTOUPDATE: "true"})
    ref = RoleRef(api_group=GROUP, kind="ClusterRole", name=role_name)
    return ClusterRoleBinding(metadata=meta, role_ref=ref, subjects=list(subjects))


def user(name: str) -> Subject:
    """A user as a binding's subject."""
    return Subject(kind=USER, api_group=GROUP, name=name)


def group(name: str) -> Subject:
    """A group as a binding's subject."""
    return Subject(kind=GROUP_KIND, api_group=GROUP, name=name)


def account(name: str) -> Subject:
    """A service account of kube-system as a binding's subject."""
    return Subject(kind=SERVICE_ACCOUNT, namespace="kube-system", name=name)


_EVENTS = (
    rule(("create", "patch", "update"), "", "events"),
    rule(("create", "patch", "update"), "events.k8s.io", "events"),
)
_REVIEWS = tuple(rule(verb, where, what) for verb, where, what in _DELEGATION)


def _leader(name: str) -> tuple[PolicyRule, ...]:
    leases = "coordination.k8s.io"
    return (
        rule("create", leases, "leases"),
        rule(("get", "list", "watch", "update", "patch"), leases, "leases", names=[name]),
    )


CONTROLLER_MANAGER, SCHEDULER = "system:kube-controller-manager", "system:kube-scheduler"

_EVERYBODY = (
    role("cluster-admin", rule("*", "*", "*"), PolicyRule(verbs=["*"], non_resource_urls=["*"])),
    role("system:discovery", urls(*_DISCOVERY, *_HEALTH)),
    role("system:public-info-viewer", urls(*_HEALTH)),
    role(
        "system:monitoring",
        urls("/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/readyz", "/readyz/*"),
    ),
    role(
        "system:basic-user",
        rule("create", "authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
        rule("create", "authentication.k8s.io", "selfsubjectreviews"),
    ),
    role("system:auth-delegator", *_REVIEWS),
)

_PARTS = (
    role(
        SCHEDULER,
        *_EVENTS,
        *_leader("kube-scheduler"),
        rule(READ, "", "nodes", "namespaces", "replicationcontrollers", "services"),
        rule(("delete", *READ), "", "pods"),
        rule("create", "", "bindings", "pods/binding"),
        rule(("patch", "update"), "", "pods/status"),
        rule(READ, "", "persistentvolumeclaims", "persistentvolumes"),
        rule(READ, "apps", "replicasets", "statefulsets"),
        rule(READ, "policy", "poddisruptionbudgets"),
        rule(READ, "storage.k8s.io", "csinodes", "csidrivers", "csistoragecapacities", "storageclasses"),
        *_REVIEWS,
    ),
    role(
        CONTROLLER_MANAGER,
        *_EVENTS,
        *_leader("kube-controller-manager"),
        rule(
            ("create", "delete", "get", "update"), "", "secrets", "serviceaccounts", "configmaps", "endpoints"
        ),
        rule("create", "", "serviceaccounts/token"),
        rule(("list", "watch"), "*", "*"),
        *_REVIEWS,
    ),
    role(
        "system:node",
        *_EVENTS,
        *_REVIEWS,
        rule(READ, "", "services", "configmaps", "secrets"),
        rule(("create", "patch", "update", *READ), "", "nodes"),
        rule(("patch", "update"), "", "nodes/status"),
        rule(("create", "delete", *READ), "", "pods"),
        rule(("patch", "update"), "", "pods/status"),
        rule("create", "", "pods/eviction", "serviceaccounts/token"),
        rule("get", "", "endpoints", "persistentvolumeclaims", "persistentvolumes"),
        rule(("create", "delete", "get", "patch", "update"), "coordination.k8s.io", "leases"),
        rule(("create", *READ), "certificates.k8s.io", "certificatesigningrequests"),
        rule(READ, "node.k8s.io", "runtimeclasses"),
        rule(("create", "delete", "get", "patch", "update"), "storage.k8s.io", "csinodes"),
        rule(READ, "storage.k8s.io", "csidrivers"),
        rule("get", "storage.k8s.io", "volumeattachments"),
    ),
    role(
        "system:node-proxier",
        *_EVENTS,
        rule(("list", "watch"), "", "services", "endpoints"),
        rule(READ, "", "nodes"),
        rule(("list", "watch"), "discovery.k8s.io", "endpointslices"),
    ),
    role(
        "system:kubelet-api-admin", rule("*", "", "nodes/proxy", "nodes/metrics", "nodes/log", "nodes/stats")
    ),
    role(
        "system:kube-dns",
        rule(("list", "watch"), "", "endpoints", "services", "pods", "namespaces"),
        rule(("list", "watch"), "discovery.k8s.io", "endpointslices"),
    ),
)

_ALL = "*"
_CONTROLLERS = {
    "generic-garbage-collector": [rule(("delete", "get", "list", "patch", "update", "watch"), _ALL, _ALL)],
    "namespace-controller": [
        rule(("delete", "get", "list", "watch"), "", "namespaces"),
        rule("update", "", "namespaces/finalize", "namespaces/status"),
        rule(("delete", "deletecollection", "get", "list"), _ALL, _ALL),
    ],
    "replication-controller": [
        rule(("get", "list", "update", "watch"), "", "replicationcontrollers"),
        rule("update", "", "replicationcontrollers/finalizers", "replicationcontrollers/status"),
        rule(("create", "delete", "list", "patch", "watch"), "", "pods"),
    ],
    "replicaset-controller": [
        rule(("get", "list", "update", "watch"), "apps", "replicasets"),
        rule("update", "apps", "replicasets/finalizers", "replicasets/status"),
        rule(("create", "delete", "list", "patch", "watch"), "", "pods"),
    ],
    "deployment-controller": [
        rule(("get", "list", "patch", "update", "watch"), "apps", "deployments"),
        rule("update", "apps", "deployments/finalizers", "deployments/status"),
        rule(("create", "delete", "get", "list", "patch", "update", "watch"), "apps", "replicasets"),
        rule(("get", "list", "update", "watch"), "", "pods"),
    ],
    "disruption-controller": [
        rule(READ, "apps", "deployments", "replicasets", "statefulsets"),
        rule(READ, "", "replicationcontrollers", "pods"),
        rule(READ, "policy", "poddisruptionbudgets"),
        rule("update", "policy", "poddisruptionbudgets/status"),
        rule("get", _ALL, "*/scale"),
    ],
    "endpoint-controller": [
        rule(READ, "", "pods", "services"),
        rule(("create", "delete", "get", "list", "update", "watch"), "", "endpoints"),
        rule("create", "", "endpoints/restricted"),
    ],
    "endpointslice-controller": [
        rule(READ, "", "nodes", "pods", "services"),
        rule(("create", "delete", "get", "list", "update", "watch"), "discovery.k8s.io", "endpointslices"),
        rule("update", "", "services/finalizers"),
    ],
    "service-account-controller": [rule("create", "", "serviceaccounts")],
    "root-ca-cert-publisher": [rule(("create", "update"), "", "configmaps")],
    "node-controller": [
        rule(("delete", "get", "list", "patch", "update", "watch"), "", "nodes"),
        rule(("patch", "update"), "", "nodes/status"),
        rule(("patch", "update"), "", "pods/status"),
        rule(("delete", "get", "list", "watch"), "", "pods"),
        rule(READ, "coordination.k8s.io", "leases"),
    ],
    "pod-garbage-collector": [
        rule(("delete", "list", "watch"), "", "pods"),
        rule(("get", "list"), "", "nodes"),
        rule("patch", "", "pods/status"),
    ],
    "clusterrole-aggregation-controller": [
        rule(("escalate", "get", "list", "patch", "update", "watch"), GROUP, "clusterroles")
    ],
}


def _controller(name: str, rules: Sequence[PolicyRule]) -> tuple[ClusterRole, ClusterRoleBinding]:
    """A loop's role, for its own service account and for the manager that runs all loops as one user."""
    full = f"system:controller:{name}"
    return role(full, *rules, *_EVENTS), binding(full, account(name), user(CONTROLLER_MANAGER))


_LOOPS = tuple(_controller(name, rules) for name, rules in _CONTROLLERS.items())

ROLES: tuple[ClusterRole, ...] = (*_EVERYBODY, *_PARTS, *(r for r, _ in _LOOPS))

BINDINGS: tuple[ClusterRoleBinding, ...] = (
    binding("cluster-admin", group("system:masters")),
    binding("system:monitoring", group("system:monitoring")),
    binding("system:discovery", group("system:authenticated")),
    binding("system:basic-user", group("system:authenticated")),
    binding("system:public-info-viewer", group("system:authenticated"), group("system:unauthenticated")),
    binding(SCHEDULER, user(SCHEDULER)),
    binding(CONTROLLER_MANAGER, user(CONTROLLER_MANAGER)),
    binding("system:node", group("system:nodes")),
    binding("system:node-proxier", user("system:kube-proxy")),
    binding("system:kube-dns", account("kube-dns")),
    *(b for _, b in _LOOPS),
)
