"""Validity of a pod's spec as a whole.

Source: the API reference of PodSpec v1; paths, reasons and texts as upstream gives them.

Neighbours: kinds.pod, kinds.podtemplate and kinds.replicationcontroller call it; containers, volumes,
placement and security have the parts. Defaults have been applied before.
"""

from __future__ import annotations

from dromon.api import names
from dromon.api.errors import FieldError, forbidden_field, invalid_value, not_supported, required
from dromon.api.kinds.addresses import ip_errors
from dromon.api.kinds.podspec import placement, security
from dromon.api.kinds.podspec.containers import check_containers
from dromon.api.kinds.podspec.volumes import check_volumes
from dromon.api.kinds.resources import check_amounts
from dromon.api.types.pod import PodDNSConfig, PodSpec
from dromon.api.validation import invalid, labels

RESTART_POLICIES = ("Always", "Never", "OnFailure")
_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_MAX_INT32 = 2**31 - 1
_MAX_NAMESERVERS, _MAX_SEARCHES, _MAX_SEARCH_CHARACTERS = 3, 32, 2048


def check_spec(spec: PodSpec, path: str, found: list[FieldError]) -> None:
    """Add every fault of the spec; `path` is "spec" or "spec.template.spec"."""
    if spec.volumes:
        check_volumes(spec.volumes, f"{path}.volumes", found)
    check_containers(spec, path, found)
    if spec.restart_policy not in RESTART_POLICIES:
        fault = not_supported(f"{path}.restartPolicy", spec.restart_policy, RESTART_POLICIES)
        found.append(fault if spec.restart_policy else required(f"{path}.restartPolicy"))
    if spec.dns_policy not in _DNS_POLICIES:
        fault = not_supported(f"{path}.dnsPolicy", spec.dns_policy, _DNS_POLICIES)
        found.append(fault if spec.dns_policy else required(f"{path}.dnsPolicy"))
    if spec.dns_config is not None or spec.dns_policy == "None":
        _check_dns(spec.dns_config, spec.dns_policy, f"{path}.dnsConfig", found)
    _check_names(spec, path, found)
    if spec.active_deadline_seconds is not None:
        value = spec.active_deadline_seconds
        found += invalid(f"{path}.activeDeadlineSeconds", value, names.in_range(value, 1, _MAX_INT32))
    if spec.security_context is not None:
        security.check_pod(spec.security_context, f"{path}.securityContext", found)
    _check_placement(spec, path, found)
    _check_rest(spec, path, found)


def _check_names(spec: PodSpec, path: str, found: list[FieldError]) -> None:
    for wire, name in (
        ("nodeName", spec.node_name),
        ("serviceAccountName", spec.service_account_name),
        ("schedulerName", spec.scheduler_name),
        ("priorityClassName", spec.priority_class_name),
        ("runtimeClassName", spec.runtime_class_name),
    ):
        if name and (why := names.subdomain(name)):
            found += invalid(f"{path}.{wire}", name, why)
    for wire, name in (("hostname", spec.hostname), ("subdomain", spec.subdomain)):
        if name and (why := names.label(name)):
            found += invalid(f"{path}.{wire}", name, why)
    for i, secret in enumerate(spec.image_pull_secrets):
        if not secret.name:
            found.append(required(f"{path}.imagePullSecrets[{i}].name"))


def _check_placement(spec: PodSpec, path: str, found: list[FieldError]) -> None:
    if spec.node_selector:
        found += labels(spec.node_selector, f"{path}.nodeSelector")
    if spec.tolerations:
        placement.check_tolerations(spec.tolerations, f"{path}.tolerations", found)
    if spec.affinity is not None:
        placement.check_affinity(spec.affinity, f"{path}.affinity", found)
    if spec.topology_spread_constraints:
        constraints = spec.topology_spread_constraints
        placement.check_spread(constraints, f"{path}.topologySpreadConstraints", found)
    for i, gate in enumerate(spec.scheduling_gates):
        found += invalid(f"{path}.schedulingGates[{i}].name", gate.name, names.qualified(gate.name))


def _check_rest(spec: PodSpec, path: str, found: list[FieldError]) -> None:
    if spec.host_aliases:
        _check_host_aliases(spec, path, found)
    for i, gate in enumerate(spec.readiness_gates):
        name = gate.condition_type
        found += invalid(f"{path}.readinessGates[{i}].conditionType", name, names.qualified(name))
    if spec.overhead:
        check_amounts(spec.overhead, f"{path}.overhead", found)
    if spec.preemption_policy not in (None, "Never", "PreemptLowerPriority"):
        allowed = ("Never", "PreemptLowerPriority")
        found.append(not_supported(f"{path}.preemptionPolicy", spec.preemption_policy, allowed))
    if spec.os is not None and spec.os.name not in ("linux", "windows"):
        fault = not_supported(f"{path}.os.name", spec.os.name, ("linux", "windows"))
        found.append(fault if spec.os.name else required(f"{path}.os.name"))
    if spec.host_pid and spec.share_process_namespace:
        text = "ShareProcessNamespace and HostPID cannot both be enabled"
        found.append(invalid_value(f"{path}.shareProcessNamespace", True, text))


def _check_host_aliases(spec: PodSpec, path: str, found: list[FieldError]) -> None:
    for i, alias in enumerate(spec.host_aliases):
        if why := ip_errors(alias.ip):
            found += invalid(f"{path}.hostAliases[{i}].ip", alias.ip, why)
        for host in alias.hostnames:
            found += invalid(f"{path}.hostAliases[{i}].hostnames", host, names.subdomain(host))


def _check_dns(config: PodDNSConfig | None, policy: str, path: str, found: list[FieldError]) -> None:
    if config is None:
        found.append(required(path, "must provide `dnsConfig` when `dnsPolicy` is None"))
        return
    servers, searches = config.nameservers, config.searches
    if policy == "None" and not servers:
        text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        found.append(required(f"{path}.nameservers", text))
    if len(servers) > _MAX_NAMESERVERS:
        text = f"must not have more than {_MAX_NAMESERVERS} nameservers"
        found.append(invalid_value(f"{path}.nameservers", servers, text))
    for i, server in enumerate(servers):
        found += invalid(f"{path}.nameservers[{i}]", server, ip_errors(server))
    if len(searches) > _MAX_SEARCHES:
        text = f"must not have more than {_MAX_SEARCHES} search paths"
        found.append(invalid_value(f"{path}.searches", searches, text))
    if len(" ".join(searches)) > _MAX_SEARCH_CHARACTERS:
        limit = f"{_MAX_SEARCH_CHARACTERS} characters (including spaces)"
        text = f"must not have more than {limit} in the search list"
        found.append(invalid_value(f"{path}.searches", searches, text))
    for i, search in enumerate(searches):
        bare = search if search == "." else search.removesuffix(".")
        if bare != ".":
            found += invalid(f"{path}.searches[{i}]", search, names.subdomain(bare))
    for i, option in enumerate(config.options):
        if not option.name:
            found.append(required(f"{path}.options[{i}]", "must not be empty"))


def check_no_ephemeral(spec: PodSpec, path: str, found: list[FieldError]) -> None:
    """Ephemeral containers are added to running pods, never created with them."""
    if spec.ephemeral_containers:
        found.append(forbidden_field(f"{path}.ephemeralContainers", "cannot be set on create"))
