"""Settings of a kubelet.

Neighbours: main.run takes it; dromon.cli makes options of its fields.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KubeletConfig:
    """A kubelet that runs real containers.

    Attributes:
        kubeconfig: how to reach the API, as system:node:<name>.
        node_name: the node's name in the API.
        root_dir: where the kubelet keeps pods' files and its containers' identity; one per node.
        runtime: the container runtime; "docker" is the only one here (simulated nodes are `dromon hollow`).
        docker_host: the Docker daemon's URL; empty for DOCKER_HOST or the default socket.
        pause_image: what holds a pod's namespaces; made at the start when it is missing.
        bind: address that the kubelet's own API listens on.
        port: of the kubelet's own API; 0 for any free one, which the node's status tells.
        node_ip: the node's address; empty for the one that the default route leaves by.
        cert_file, key_file: serving certificate of the kubelet's own API (PEM); without them there is none.
        client_ca_file: CA of the certificates that clients of the kubelet's own API must show (PEM).
        cluster_cidr: network of all nodes' pods; what goes there keeps its source address.
        cluster_dns: addresses of the cluster's DNS, comma-separated; empty: pods resolve as the node does.
        cluster_domain: domain of the cluster's names.
        max_pods: how many pods the node takes.
        node_labels: more labels of the node, as key=value, comma-separated.
        provider_id: identity of the machine at a cloud provider.
    """

    kubeconfig: str
    node_name: str
    root_dir: str
    runtime: str = "docker"
    docker_host: str = ""
    pause_image: str = "dromon.local/pause:1"
    bind: str = "0.0.0.0"  # noqa: S104 (clients need a certificate)
    port: int = 0
    node_ip: str = ""
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    cluster_cidr: str = "10.1.0.0/16"
    cluster_dns: str = ""
    cluster_domain: str = "cluster.local"
    max_pods: int = 110
    node_labels: str = ""
    provider_id: str = ""
