"""Nobody gives what they don't have: admission of roles and bindings.

Who writes a role has to have all its rules, or the verb `escalate` on roles; who writes a binding has to have
the role's rules, or the verb `bind` on the role.

Source: documentation, "Privilege escalation prevention and bootstrapping".

Neighbours: writes asks before the registry is; rules compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dromon.api import errors
from dromon.api.kinds.rbac import GROUP
from dromon.api.resource import Resource
from dromon.api.types.base import Api
from dromon.api.types.rbac import ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding
from dromon.apiserver.authn import User
from dromon.apiserver.authz import Attributes
from dromon.apiserver.rbac.policy import Policy
from dromon.apiserver.rbac.rules import covered

_SHOWN = 3


def check(
    policy: Policy, user: User, resource: Resource[Any], namespace: str, new: Api, old: Api | None
) -> None:
    """Refuse a role or binding that gives more than its writer has; other kinds pass.

    Raises:
        ApiError: 403.
    """
    if isinstance(new, (Role, ClusterRole)):
        before = old.rules if isinstance(old, (Role, ClusterRole)) else None
        if new.rules == before or _may(
            policy, user, "escalate", resource.plural, namespace, new.metadata.name
        ):
            return
        _refuse(policy, user, resource, namespace, new.metadata.name, new.rules)
    elif isinstance(new, (RoleBinding, ClusterRoleBinding)):
        if isinstance(old, (RoleBinding, ClusterRoleBinding)) and new.subjects == old.subjects:
            return
        ref = new.role_ref
        plural = "clusterroles" if ref.kind == "ClusterRole" else "roles"
        if not _may(policy, user, "bind", plural, namespace, ref.name):
            rules = policy.rules_of(ref, namespace)
            _refuse(policy, user, resource, namespace, new.metadata.name, rules)


def _may(policy: Policy, user: User, verb: str, plural: str, namespace: str, name: str) -> bool:
    attributes = Attributes(verb, "", GROUP, plural, "", namespace, name)
    return policy.allows(user, attributes) is not None


def _refuse(
    policy: Policy,
    user: User,
    resource: Resource[Any],
    namespace: str,
    name: str,
    wanted: Sequence[PolicyRule],
) -> None:
    missing = covered(wanted, policy.rules(user, namespace))
    if not missing:
        return
    shown = "\n".join(_text(rule) for rule in missing[:_SHOWN])
    more = f"\nand {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    groups = " ".join(f'"{g}"' for g in user.groups)
    why = (
        f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently '
        f"held:\n{shown}{more}"
    )
    raise errors.forbidden(resource.plural, resource.group, name, why)


def _text(rule: PolicyRule) -> str:
    def quoted(values: Sequence[str]) -> str:
        return "[" + " ".join(f'"{v}"' for v in values) + "]"

    if rule.non_resource_urls:
        return f"{{NonResourceURLs:{quoted(rule.non_resource_urls)}, Verbs:{quoted(rule.verbs)}}}"
    names = f", ResourceNames:{quoted(rule.resource_names)}" if rule.resource_names else ""
    what = f"APIGroups:{quoted(rule.api_groups)}, Resources:{quoted(rule.resources)}{names}"
    return f"{{{what}, Verbs:{quoted(rule.verbs)}}}"
