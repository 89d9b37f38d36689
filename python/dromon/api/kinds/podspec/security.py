"""Validity of security contexts.

Neighbours: spec (the pod's) and containers (theirs).
"""

from __future__ import annotations

import re

from dromon.api import names
from dromon.api.errors import FieldError, duplicate, invalid_value, not_supported, required
from dromon.api.types.security import PodSecurityContext, SeccompProfile, SecurityContext
from dromon.api.validation import invalid

_MAX_ID = 2**31 - 1
_SECCOMP = ("Localhost", "RuntimeDefault", "Unconfined")
_SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_sysctl = re.compile(_SYSCTL).fullmatch


def check_pod(context: PodSecurityContext, path: str, found: list[FieldError]) -> None:
    """Faults of spec.securityContext."""
    for wire, value in (
        ("fsGroup", context.fs_group),
        ("runAsUser", context.run_as_user),
        ("runAsGroup", context.run_as_group),
    ):
        _check_id(value, f"{path}.{wire}", found)
    for i, group in enumerate(context.supplemental_groups):
        _check_id(group, f"{path}.supplementalGroups[{i}]", found)
    policy = context.fs_group_change_policy
    if policy is not None and policy not in ("Always", "OnRootMismatch"):
        found.append(not_supported(f"{path}.fsGroupChangePolicy", policy, ("Always", "OnRootMismatch")))
    groups = context.supplemental_groups_policy
    if groups is not None and groups not in ("Merge", "Strict"):
        found.append(not_supported(f"{path}.supplementalGroupsPolicy", groups, ("Merge", "Strict")))
    seen: set[str] = set()
    for i, sysctl in enumerate(context.sysctls):
        at = f"{path}.sysctls[{i}].name"
        if not sysctl.name:
            found.append(required(at))
        elif len(sysctl.name) > 253 or not _sysctl(sysctl.name):
            text = f"must have at most 253 characters and match regex ^{_SYSCTL}$"
            found.append(invalid_value(at, sysctl.name, text))
        elif sysctl.name in seen:
            found.append(duplicate(at, sysctl.name))
        seen.add(sysctl.name)
    _check_seccomp(context.seccomp_profile, f"{path}.seccompProfile", found)


def check_container(context: SecurityContext, path: str, found: list[FieldError]) -> None:
    """Faults of a container's securityContext."""
    _check_id(context.run_as_user, f"{path}.runAsUser", found)
    _check_id(context.run_as_group, f"{path}.runAsGroup", found)
    if context.proc_mount not in (None, "Default", "Unmasked"):
        found.append(not_supported(f"{path}.procMount", context.proc_mount, ("Default", "Unmasked")))
    if context.allow_privilege_escalation is False:
        if context.privileged:
            text = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            found.append(invalid_value(path, context, text))
        added = context.capabilities.add if context.capabilities is not None else []
        if "CAP_SYS_ADMIN" in added:
            text = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            found.append(invalid_value(path, context, text))
    _check_seccomp(context.seccomp_profile, f"{path}.seccompProfile", found)


def _check_id(value: int | None, path: str, found: list[FieldError]) -> None:
    if value is not None and not 0 <= value <= _MAX_ID:
        found += invalid(path, value, names.in_range(value, 0, _MAX_ID))


def _check_seccomp(profile: SeccompProfile | None, path: str, found: list[FieldError]) -> None:
    if profile is None:
        return
    if profile.type not in _SECCOMP:
        fault = not_supported(f"{path}.type", profile.type, _SECCOMP) if profile.type else None
        found.append(fault or required(f"{path}.type", "type is required when seccompProfile is set"))
    local = profile.localhost_profile
    if profile.type == "Localhost" and not local:
        found.append(required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost"))
    elif profile.type != "Localhost" and local:
        text = "can only be set when seccomp type is Localhost"
        found.append(invalid_value(f"{path}.localhostProfile", local, text))
