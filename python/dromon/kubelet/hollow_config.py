"""What simulated nodes are told: how many, how large, and what becomes of their containers.

Neighbours: the CLI parses flags into it, kubelet.hollow runs it, runtime.lives draws by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from dromon.kubelet.runtime.lives import Lives, Rules, distribution, share


@dataclass(frozen=True)
class HollowConfig:
    """Simulated nodes.

    Times are seconds, each a distribution: "0.5", "uniform:0.1:2", "exponential:3" or "normal:5:1".

    Attributes:
        kubeconfig: how to reach the API; the user needs the rights of every node.
        nodes: how many.
        name_prefix: of the nodes' names; a number follows.
        first: the first number.
        cpu: processors of each node.
        memory: of each node.
        max_pods: how many pods a node takes.
        bind: address that the nodes' common API (logs) listens on.
        port: of that API; 0 for any free one.
        node_ip: address that the apiserver reaches that API by.
        cert_file, key_file: serving certificate of that API (PEM); without them there is none.
        client_ca_file: CA of the certificates that its clients must show (PEM).
        seed: what all that is drawn follows from: the same seed gives every node the same sequence.
        pull_seconds: how long the first pull of an image on a node takes; "": images are there.
        start_seconds: how long a container takes to start.
        ready_seconds: how long after its start a container's readiness probe fails.
        run_seconds: how long a container runs before it ends by itself; "": for ever.
        fail_share: share of the containers that end by themselves whose exit code is 1, not 0.
        crash_share: share of the starts that crash at once, which makes a container crash in a loop.
        events: whether Event objects are written, as real nodes do.
        labels: more labels of the nodes, as key=value, comma-separated.
    """

    kubeconfig: str
    nodes: int = 1
    name_prefix: str = "node-"
    first: int = 0
    cpu: str = "4"
    memory: str = "32Gi"
    max_pods: int = 110
    bind: str = "127.0.0.1"
    port: int = 0
    node_ip: str = "127.0.0.1"
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    seed: int = 0
    pull_seconds: str = ""
    start_seconds: str = "0"
    ready_seconds: str = "0"
    run_seconds: str = ""
    fail_share: float = 0.0
    crash_share: float = 0.0
    events: bool = True
    labels: str = ""

    def __post_init__(self) -> None:
        self.rules()  # what can't be drawn from is told before anything starts

    def rules(self) -> Rules:
        """How containers' lives are drawn. Raises ValueError for what is no distribution or share."""
        return Rules(
            start=distribution(self.start_seconds),
            ready=distribution(self.ready_seconds),
            pull=distribution(self.pull_seconds) if self.pull_seconds else None,
            run=distribution(self.run_seconds) if self.run_seconds else None,
            failing=share(self.fail_share),
            crashing=share(self.crash_share),
        )

    def lives(self, node: str) -> Lives:
        """The sequence of one node."""
        return Lives(self.rules(), f"{self.seed}/{node}")
