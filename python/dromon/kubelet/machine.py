"""Facts of the machine that this runs on: processors, memory, disk, identity, pressure. Linux only.

Sources: proc(5), os-release(5), machine-id(5).

Neighbours: main makes node.NodeFacts from them.
"""

from __future__ import annotations

import contextlib
import os
import platform
import socket
from pathlib import Path

from dromon.api.types.node import NodeSystemInfo
from dromon.kubelet.node import VERSION

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
LEAST_MEMORY = 100 << 20
"""Bytes of available memory below which a node is under pressure; kept from pods, too."""

LEAST_DISK = 0.05
"""Share of the root directory's file system below which a node is under pressure."""

LEAST_PIDS = 0.05


def architecture() -> str:
    """The processor as images name it: "amd64"."""
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)


def hostname() -> str:
    """The machine's name in lower case."""
    return socket.gethostname().lower()


def default_ip() -> str:
    """The address that packets to the outside leave from; 127.0.0.1 on a machine without a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a datagram socket sends nothing on connect
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def system_info(runtime_version: str) -> NodeSystemInfo:
    """node.status.nodeInfo."""
    identity = _read("/etc/machine-id")
    return NodeSystemInfo(
        machine_id=identity,
        system_uuid=_read("/sys/class/dmi/id/product_uuid") or identity,
        boot_id=_read("/proc/sys/kernel/random/boot_id"),
        kernel_version=platform.release(),
        os_image=_os_image(),
        container_runtime_version=runtime_version,
        kubelet_version=VERSION,
        kube_proxy_version=VERSION,
        operating_system="linux",
        architecture=architecture(),
    )


def capacity(root_dir: str, max_pods: int) -> dict[str, str]:
    """What the machine has."""
    memory = _meminfo().get("MemTotal", 0)
    disk = os.statvfs(root_dir)
    return {
        "cpu": str(os.cpu_count() or 1),
        "memory": f"{memory // 1024}Ki",
        "ephemeral-storage": f"{disk.f_frsize * disk.f_blocks // 1024}Ki",
        "pods": str(max_pods),
    }


def allocatable(root_dir: str, max_pods: int) -> dict[str, str]:
    """What pods may have of it: all but the memory whose lack would be pressure."""
    result = capacity(root_dir, max_pods)
    memory = _meminfo().get("MemTotal", 0)
    result["memory"] = f"{max(memory - LEAST_MEMORY, 0) // 1024}Ki"
    return result


def lowest_oom_score() -> int:
    """The lowest oom_score_adj that this machine lets us give a process.

    Without CAP_SYS_RESOURCE (a Docker daemon inside a container or a small VM) none may be lowered, and
    containers that ask for it can't be started at all.
    """
    path = Path("/proc/self/oom_score_adj")
    try:
        current = path.read_text()
        path.write_text(str(int(current) - 1))
        path.write_text(current)
    except OSError:
        return max(int(_read(str(path)) or 0), 0)
    return -1000


def pressure(root_dir: str) -> dict[str, str]:
    """Condition -> message, for what the machine is short of."""
    result = {}
    available = _meminfo().get("MemAvailable", LEAST_MEMORY)
    if available < LEAST_MEMORY:
        result["MemoryPressure"] = f"{available >> 20} MiB of memory are available"
    disk = os.statvfs(root_dir)
    if disk.f_bavail < disk.f_blocks * LEAST_DISK:
        share = 100 * disk.f_bavail / max(disk.f_blocks, 1)
        result["DiskPressure"] = f"{share:.1f} % of the disk at {root_dir} are available"
    with contextlib.suppress(ValueError, IndexError):
        used = int(_read("/proc/loadavg").split()[3].partition("/")[2])
        most = int(_read("/proc/sys/kernel/pid_max"))
        if used > most * (1 - LEAST_PIDS):
            result["PIDPressure"] = f"{used} of {most} process ids are used"
    return result


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _meminfo() -> dict[str, int]:
    """Fields of /proc/meminfo in bytes."""
    result = {}
    for line in _read("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            result[name] = int(words[0]) * 1024
    return result


def _os_image() -> str:
    for line in _read("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return "Linux"
