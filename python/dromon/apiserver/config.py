"""What one apiserver is told: addresses, files, ranges.

Neighbours: the CLI parses flags into it, dromon.apiserver.main runs it.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ApiServerConfig:
    """Configuration of one apiserver.

    Attributes:
        bind, port: where it listens; port 0 asks the kernel for one.
        store_url: "sqlite:///path", "etcd://host:2379,...", "memory://"; several may share an etcd.
        cert_file, key_file: serving certificate and key, PEM; both "" serves plain HTTP (tests only).
        client_ca_file: CA whose client certificates are believed; "": none are asked for.
        token_file: CSV of static bearer tokens (token,user,uid,"group1,group2"), mode 0600; "": none.
        service_cidr: the portals' range; its first address is the `kubernetes` service.
        node_port_range: "first-last", inclusive.
        kubelet_client_cert_file, kubelet_client_key_file: what this apiserver shows to kubelets.
        ca_file: the cluster's CA, which signs kubelets' serving certificates (and kube-root-ca.crt).
        advertise_address: address that other machines reach this apiserver at; with a loopback one the
            `kubernetes` service gets no endpoints, because pods could not reach it.
        authorization_mode: "RBAC": roles and bindings say who may do what; "AlwaysAllow": everybody who is
            known may do everything.
        history_age, history_size: for how many seconds, and how many MiB of replaced objects, an embedded
            store keeps what was, for watches that resume and lists that go on; what is exceeded first
            decides. For etcd the store URL says it.
        watch_history_events: changes of each resource that are kept in memory, for the same; older ones are
            read from the store, which is slower.
        watch_history_size: MiB that only such changes may keep, for each resource.
        watch_queue_events: events that may wait for one watcher; with more it is cut off (410).
        watch_queue_size: MiB of the objects in events that may wait for one watcher.
        bulk: serve bulk verbs (lists where one object is expected), which components use where they are.
        max_requests_inflight: requests carried out at a time; others wait in fair queues or are told 429.
            Watches and other streams are counted apart.
        max_watches: watches and other streams that may be open; one user may have half of them.
        max_connections: connections that may be open; the longest idle one makes room for another.
        shutdown_delay_duration: seconds after SIGTERM in which readyz fails and requests are served still.
        audit_log: file of audit events, a line of JSON a request; "-": standard output; "": none. SIGHUP
            opens it anew.
        audit_log_maxsize: megabytes after which the file is set aside; 0: never.
        audit_log_maxbackup: how many files set aside are kept; 0: all.
        audit_log_maxage: days that files set aside are kept; 0: for ever.
    """

    bind: str = "127.0.0.1"
    port: int = 6443
    store_url: str = field(default="memory://", metadata={"flag": "--store"})
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    token_file: str = ""
    service_cidr: str = "10.0.0.0/16"
    node_port_range: str = "30000-32767"
    kubelet_client_cert_file: str = ""
    kubelet_client_key_file: str = ""
    ca_file: str = ""
    advertise_address: str = "127.0.0.1"
    authorization_mode: str = "RBAC"
    history_age: float = 300.0
    history_size: int = 64
    watch_history_events: int = 10_000
    watch_history_size: int = 32
    watch_queue_events: int = 10_000
    watch_queue_size: int = 64
    bulk: bool = True
    max_requests_inflight: int = 600
    max_watches: int = 10_000
    max_connections: int = 16_000
    shutdown_delay_duration: float = 0.0
    audit_log: str = ""
    audit_log_maxsize: int = 100
    audit_log_maxbackup: int = 0
    audit_log_maxage: int = 0

    def __post_init__(self) -> None:
        if self.authorization_mode not in ("RBAC", "AlwaysAllow"):
            raise ValueError("--authorization-mode must be RBAC or AlwaysAllow")
        if self.max_requests_inflight < 1:
            raise ValueError("--max-requests-inflight must be at least 1")
        if self.history_age <= 0 or self.history_size < 1:
            raise ValueError("--history-age and --history-size must be positive")
        for name in ("watch_history_events", "watch_history_size", "watch_queue_events", "watch_queue_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1")
        for name in ("max_watches", "max_connections", "shutdown_delay_duration"):
            if getattr(self, name) < 0:
                raise ValueError(f"--{name.replace('_', '-')} must not be negative")
