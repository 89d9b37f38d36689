"""The files that name things to a pod: /etc/hosts, /etc/resolv.conf and its host name.

Sources: the Kubernetes documentation "DNS for services and pods" and "Adding entries to pod /etc/hosts".

Neighbours: operations writes them below the pod's directory, spec binds them into each container.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dromon.api.types.pod import Pod

MAX_HOSTNAME = 63
MAX_NAMESERVERS = 3


@dataclass(frozen=True, slots=True)
class Dns:
    """Where pods resolve names: the cluster's `servers` and `domain`, and the node's resolv.conf."""

    servers: tuple[str, ...] = ()
    domain: str = "cluster.local"
    host_resolv_conf: str = ""


def hostname(pod: Pod, node_hostname: str) -> str:
    """What the pod calls itself."""
    if pod.spec.host_network:
        return node_hostname
    return (pod.spec.hostname or pod.metadata.name)[:MAX_HOSTNAME].rstrip("-.")


def etc_hosts(pod: Pod, ip: str, name: str, domain: str) -> str:
    """The pod's /etc/hosts; pods on the node's network get the node's file with aliases appended."""
    lines = [
        "# Kubernetes-managed hosts file.",
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "fe00::0\tip6-localnet",
        "fe00::0\tip6-mcastprefix",
        "fe00::1\tip6-allnodes",
        "fe00::2\tip6-allrouters",
    ]
    if ip:
        full = f"{name}.{pod.spec.subdomain}.{pod.metadata.namespace}.svc.{domain}"
        lines.append(f"{ip}\t{full}\t{name}" if pod.spec.subdomain else f"{ip}\t{name}")
    return "\n".join(lines) + "\n" + host_aliases(pod)


def host_aliases(pod: Pod) -> str:
    """The lines of spec.hostAliases."""
    if not pod.spec.host_aliases:
        return ""
    lines = [f"{alias.ip}\t" + "\t".join(alias.hostnames) for alias in pod.spec.host_aliases]
    return "\n# Entries added by HostAliases.\n" + "\n".join(lines) + "\n"


def resolv_conf(pod: Pod, dns: Dns) -> str:
    """The pod's /etc/resolv.conf by its dnsPolicy and dnsConfig."""
    servers, searches, options = _parse(dns.host_resolv_conf)
    policy = pod.spec.dns_policy or "ClusterFirst"
    if policy == "ClusterFirst" and pod.spec.host_network:
        policy = "Default"
    if policy == "None":
        servers, searches, options = [], [], []
    elif policy.startswith("ClusterFirst") and dns.servers:
        namespace = pod.metadata.namespace
        own = [f"{namespace}.svc.{dns.domain}", f"svc.{dns.domain}", dns.domain]
        servers, searches, options = list(dns.servers), own + searches, ["ndots:5"]
    config = pod.spec.dns_config
    if config is not None:
        servers = servers + config.nameservers
        searches = searches + config.searches
        for option in config.options:
            options = [o for o in options if o.partition(":")[0] != option.name]
            options.append(f"{option.name}:{option.value}" if option.value else option.name)
    lines = [f"search {' '.join(_unique(searches))}"] if searches else []
    lines += [f"nameserver {server}" for server in _unique(servers)[:MAX_NAMESERVERS]]
    if options:
        lines.append(f"options {' '.join(options)}")
    return "\n".join(lines) + "\n"


def _unique(values: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _parse(text: str) -> tuple[list[str], list[str], list[str]]:
    """Name servers, search list and options of a resolv.conf (resolv.conf(5))."""
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0][0] in "#;":
            continue
        if words[0] == "nameserver" and len(words) > 1:
            servers.append(words[1])
        elif words[0] in ("search", "domain"):
            searches = words[1:]
        elif words[0] == "options":
            options = words[1:]
    return servers, searches, options
