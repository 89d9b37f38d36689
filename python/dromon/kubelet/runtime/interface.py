"""The seam of container runtimes: what the kubelet asks of Docker, or of the simulation.

A pod is a sandbox (which owns the network and IPC namespaces) and containers that join it. The runtime is
the only memory of what runs: after a restart the kubelet rebuilds everything from `Runtime.list`.

Neighbours: docker.DockerRuntime and hollow.HollowRuntime implement it; worker, operations and server call it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class RuntimeFailure(Exception):
    """The runtime could not do what was asked; the text is fit for an Event or a waiting message."""


class ImageMissing(RuntimeFailure):
    """The image is not there."""


class PullFailed(RuntimeFailure):
    """The image could not be pulled."""


class ContainerGone(RuntimeFailure):
    """There is no such container (any more)."""


class State(StrEnum):
    """What the runtime says about a container."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(frozen=True, slots=True)
class PodRef:
    """Which pod a container belongs to."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Container:
    """A sandbox or container as the runtime shows it. Times are seconds since the epoch, 0 when unknown.

    Attributes:
        id: the runtime's identity of it, without a scheme.
        pod: whose it is.
        name: of the container in the pod; "" for a sandbox.
        attempt: how many were made before it (the restart count; for a sandbox its own count).
        sandbox: id of the sandbox that it joined.
        state: see State.
        exit_code: of an exited one.
        oom_killed: the kernel killed it for memory.
        error: why it could not be started.
        image, image_id: as asked for, and what was run.
        hash: fingerprint of the container's spec when it was made.
        grace: the pod's terminationGracePeriodSeconds when it was made (for pods that the API forgot).
        netns: path of the network namespace of a running sandbox.
        message: what it left as its termination message.
        lost: nothing of it is left in the runtime; the record is made from what the API remembers.
    """

    id: str
    pod: PodRef
    name: str
    attempt: int
    state: State
    created_at: float = 0.0
    started_at: float = 0.0
    finished_at: float = 0.0
    sandbox: str = ""
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    image: str = ""
    image_id: str = ""
    hash: str = ""
    grace: int = 30
    netns: str = ""
    message: str = ""
    lost: bool = False

    @property
    def is_sandbox(self) -> bool:
        return not self.name


@dataclass(frozen=True, slots=True)
class Image:
    """A local image: `names` are tags and digests, `user` is whom it runs as ("0"), `size` in bytes."""

    id: str
    names: tuple[str, ...] = ()
    size: int = 0
    user: str = ""
    environment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """A sandbox to make.

    Attributes:
        hostname: of the pod.
        host_network, host_ipc, host_pid: share the node's namespaces instead of own ones.
        sysctls: name -> value, of the namespaces that the sandbox owns.
        annotations: the pod's (the hollow runtime reads its script from them).
    """

    pod: PodRef
    attempt: int
    hostname: str
    host_network: bool = False
    host_ipc: bool = False
    host_pid: bool = False
    sysctls: Mapping[str, str] = field(default_factory=dict)
    grace: int = 30
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bind:
    """A host path in a container; `propagation` is "", "rslave" or "rshared"."""

    source: str
    target: str
    read_only: bool = False
    propagation: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """cgroup settings; 0: none. `memory` in bytes, `cpu_quota` and `cpu_period` in microseconds."""

    cpu_shares: int = 2
    cpu_quota: int = 0
    cpu_period: int = 100_000
    memory: int = 0
    oom_score_adj: int = 0


@dataclass(frozen=True, slots=True)
class Privileges:
    """Who a container runs as and what it may do.

    Attributes:
        user: "uid", "uid:gid" or "" for the image's.
        groups: supplemental group ids.
    """

    user: str = ""
    groups: tuple[str, ...] = ()
    privileged: bool = False
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    read_only_root: bool = False
    no_new_privileges: bool = False
    unconfined: bool = False


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """A container to make, everything resolved.

    Attributes:
        sandbox: id of the sandbox whose namespaces it joins.
        command, args: () for the image's own (args are dropped by the runtime when only command is given).
        environment: "NAME=value" each.
        pid_mode: "" own, "sandbox" the pod's, "host".
        init: it is expected to end (the hollow runtime lets it).
    """

    pod: PodRef
    name: str
    attempt: int
    sandbox: str
    image: str
    hash: str = ""
    grace: int = 30
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    working_dir: str = ""
    binds: tuple[Bind, ...] = ()
    limits: Limits = Limits()
    privileges: Privileges = Privileges()
    pid_mode: str = ""
    host_ipc: bool = False
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    init: bool = False
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a finished command left; `output` is stdout and stderr together."""

    exit_code: int
    output: bytes


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which of a container's log is wanted; None means no limit. `since` in seconds since the epoch."""

    follow: bool = False
    tail: int | None = None
    since: float | None = None
    timestamps: bool = False
    limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container uses: `cpu` in nanoseconds since its start, `memory` (working set) in bytes."""

    cpu: int
    memory: int


class Session(Protocol):
    """A running exec or attach: bytes in, frames out."""

    async def read(self) -> tuple[int, bytes] | None:
        """The next output, (1 stdout | 2 stderr, bytes), or None at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Feed standard input."""
        ...

    async def close_stdin(self) -> None:
        """Standard input ends."""
        ...

    async def resize(self, width: int, height: int) -> None:
        """Set the terminal's size in characters."""
        ...

    async def exit_code(self) -> int:
        """The command's exit code, after `read` gave None. 0 for an attach."""
        ...

    async def close(self) -> None:
        """Let go; the command is not killed."""
        ...


class Runtime(Protocol):
    """One node's containers. Methods raise RuntimeFailure with a readable text; none blocks the event loop.

    Attributes:
        scheme: of container ids in the API: "docker" makes docker://<id>.
    """

    scheme: str

    async def connect(self, on_change: Callable[[str], None]) -> None:
        """Begin; from now `on_change(pod uid)` is called when a container of that pod changes by itself.

        `on_change("")` means that changes may have been missed: look at every pod.
        """
        ...

    async def close(self) -> None:
        """End, touching no container."""
        ...

    async def check(self) -> str:
        """ "" when the runtime works, else what is wrong."""
        ...

    async def version(self) -> str:
        """As node.status.nodeInfo has it: "docker://20.10.24"."""
        ...

    async def images(self) -> list[Image]:
        """The local images."""
        ...

    async def image(self, reference: str) -> Image | None:
        """A local image, or None."""
        ...

    async def pull(self, reference: str, credentials: Mapping[str, str] | None = None) -> Image:
        """Fetch an image from its registry.

        Args:
            credentials: {"username": ..., "password": ...}.

        Raises:
            PullFailed: with the registry's reason.
        """
        ...

    async def list(self, pod_uid: str = "") -> list[Container]:
        """Every sandbox and container of this node, or of one pod, in no order."""
        ...

    async def run_sandbox(self, spec: SandboxSpec) -> Container:
        """Make and start a sandbox."""
        ...

    async def create(self, spec: ContainerSpec) -> str:
        """Make a container; returns its id. ImageMissing when the image went away."""
        ...

    async def start(self, container_id: str) -> None:
        """Start a made container."""
        ...

    async def stop(self, container_id: str, grace: float, signal: str = "") -> None:
        """Send `signal` (default: the image's stop signal, SIGTERM), and SIGKILL after `grace` seconds.

        Returns when it has ended. A container that is gone, or has ended, is fine.
        """
        ...

    async def remove(self, container_id: str) -> None:
        """Remove a container, killing it if it runs. One that is gone is fine."""
        ...

    async def exec(self, container_id: str, command: tuple[str, ...], limit: int = 16_384) -> ExecResult:
        """Run a command to its end in a running container, keeping `limit` bytes of its output."""
        ...

    async def open_exec(
        self, container_id: str, command: tuple[str, ...], *, tty: bool, stdin: bool
    ) -> Session:
        """Start a command in a running container, connected."""
        ...

    async def open_attach(self, container_id: str, *, tty: bool, stdin: bool) -> Session:
        """Connect to the main process of a running container."""
        ...

    def logs(self, container_id: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The container's output, in order of writing, as chunks."""
        ...

    async def usage(self, container_id: str) -> Usage | None:
        """What a running container uses, None when unknown."""
        ...
