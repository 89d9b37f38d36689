"""Security contexts of pods and containers (core/v1).

Neighbours: pod.PodSpec and container.Container hold them; dromon.kubelet carries them out.
"""

from __future__ import annotations

from dromon.api.types.base import Api, Int64, always

PACKAGE = "k8s.io.api.core.v1"


class AppArmorProfile(Api):
    """core/v1 AppArmorProfile."""

    type: str = always("")
    localhost_profile: str | None = None


class Capabilities(Api):
    """core/v1 Capabilities."""

    add: list[str] = []
    drop: list[str] = []


class SELinuxOptions(Api):
    """core/v1 SELinuxOptions."""

    user: str = ""
    role: str = ""
    type: str = ""
    level: str = ""


class SeccompProfile(Api):
    """core/v1 SeccompProfile."""

    type: str = always("")
    localhost_profile: str | None = None


class Sysctl(Api):
    """core/v1 Sysctl."""

    name: str = always("")
    value: str = always("")


class WindowsSecurityContextOptions(Api):
    """core/v1 WindowsSecurityContextOptions."""

    gmsa_credential_spec_name: str | None = None
    gmsa_credential_spec: str | None = None
    run_as_user_name: str | None = None
    host_process: bool | None = None


class PodSecurityContext(Api):
    """core/v1 PodSecurityContext."""

    se_linux_options: SELinuxOptions | None = None
    windows_options: WindowsSecurityContextOptions | None = None
    run_as_user: Int64 | None = None
    run_as_group: Int64 | None = None
    run_as_non_root: bool | None = None
    supplemental_groups: list[Int64] = []
    supplemental_groups_policy: str | None = None
    fs_group: Int64 | None = None
    sysctls: list[Sysctl] = []
    fs_group_change_policy: str | None = None
    seccomp_profile: SeccompProfile | None = None
    app_armor_profile: AppArmorProfile | None = None
    se_linux_change_policy: str | None = None


class SecurityContext(Api):
    """core/v1 SecurityContext."""

    capabilities: Capabilities | None = None
    privileged: bool | None = None
    se_linux_options: SELinuxOptions | None = None
    windows_options: WindowsSecurityContextOptions | None = None
    run_as_user: Int64 | None = None
    run_as_group: Int64 | None = None
    run_as_non_root: bool | None = None
    read_only_root_filesystem: bool | None = None
    allow_privilege_escalation: bool | None = None
    proc_mount: str | None = None
    seccomp_profile: SeccompProfile | None = None
    app_armor_profile: AppArmorProfile | None = None
