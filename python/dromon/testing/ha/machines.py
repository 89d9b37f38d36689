"""Machines as network namespaces on a switch that is one, too, and the programs on them.

The switch has a namespace of its own, so that the host's firewall (Docker's, for one) has no say in what the
machines tell each other. The host is plugged in by one interface, and is left as it was by `remove`.

Neighbours: plan says what there is; cluster starts and ends it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from dromon.testing.ha.plan import Machine, Network

BRIDGE = "switch0"
GRACE = 10.0
"""Seconds that programs have to end when they are asked to."""


class Trouble(Exception):
    """Something could not be done; the text says what and why."""


def ip(*lines: str) -> None:
    """Run lines of `ip` as one batch.

    Raises:
        Trouble: the kernel refused one.
    """
    done = subprocess.run(
        ["ip", "-batch", "-"], input="\n".join(lines), capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise Trouble(f"ip: {done.stderr.strip()}")


def connect(network: Network, machines: list[Machine]) -> None:
    """Make the network: all machines and the host on one switch; what is left of an earlier one goes."""
    remove(network)
    switch = switch_of(network)
    ip(f"netns add {switch}", *(f"netns add {machine.namespace}" for machine in machines))
    inside = [f"link add {BRIDGE} type bridge", f"link set {BRIDGE} up", "link set lo up"]
    for number, machine in enumerate(machines):
        inside += [
            f"link add port{number} type veth peer name eth0 netns {machine.namespace}",
            f"link set port{number} master {BRIDGE} up",
        ]
    _in(switch, inside)
    for machine in machines:
        _in(
            machine.namespace,
            ["link set lo up", f"addr add {machine.address}/24 dev eth0", "link set eth0 up"],
        )
    ip(f"link add {network.prefix} type veth peer name host netns {switch}")
    _in(switch, [f"link set host master {BRIDGE} up"])
    ip(f"addr add {network.host}/24 dev {network.prefix}", f"link set {network.prefix} up")


def switch_of(network: Network) -> str:
    """The switch's namespace."""
    return f"{network.prefix}-switch"


def _in(namespace: str, lines: list[str]) -> None:
    done = subprocess.run(
        ["ip", "-n", namespace, "-batch", "-"],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise Trouble(f"ip -n {namespace}: {done.stderr.strip()}")


def remove(network: Network) -> None:
    """Take the network away, as much as is there."""
    links = subprocess.run(
        ["ip", "-br", "link", "show", "dev", network.prefix], capture_output=True, timeout=60, check=False
    )
    if links.returncode == 0:
        ip(f"link del {network.prefix}")
    present = [name for name in namespaces() if name.startswith(network.prefix + "-")]
    if present:
        ip(*(f"netns del {name}" for name in present))


def namespaces() -> list[str]:
    """The network namespaces that have names."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, timeout=60, check=True)
    return [line.split()[0] for line in listed.stdout.splitlines() if line.strip()]


class Programs:
    """What runs on the machines, remembered in files, so that another process can go on with it.

    Args:
        directory: the cluster's.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def start(self, machine: Machine) -> None:
        """Start the machine's program unless it runs; its log goes to logs/<name>.log."""
        if self.running(machine):
            return
        # A host name of its own: leases tell their holders by it.
        boot = ("unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', machine.name)
        with (self._directory / "logs" / f"{machine.name}.log").open("ab") as log:
            process = subprocess.Popen(
                ["ip", "netns", "exec", machine.namespace, *boot, *machine.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        state = {"pid": process.pid, "started": _started(process.pid)}
        self._file(machine).write_text(json.dumps(state))

    def signal(self, machine: Machine, number: signal.Signals) -> None:
        """Send a signal; nothing happens when the program does not run."""
        pid = self.running(machine)
        if pid:
            os.kill(pid, number)

    def kill(self, machine: Machine) -> None:
        """End it as a power cut would, and wait until it is gone."""
        self.signal(machine, signal.SIGKILL)
        self._gone([machine], GRACE)

    def stop(self, machines: list[Machine]) -> None:
        """End them in order, the last first; what does not end is killed."""
        for machine in reversed(machines):
            self.signal(machine, signal.SIGCONT)
            self.signal(machine, signal.SIGTERM)
            self._gone([machine], GRACE)
            self.kill(machine)
            self._file(machine).unlink(missing_ok=True)

    def running(self, machine: Machine) -> int:
        """The program's process id; 0 when it does not run."""
        try:
            state = json.loads(self._file(machine).read_text())
        except (OSError, ValueError):
            return 0
        pid = int(state["pid"])
        _reap(pid)
        return pid if _started(pid) == state["started"] else 0

    def _gone(self, machines: list[Machine], patience: float) -> None:
        deadline = time.monotonic() + patience
        while any(self.running(machine) for machine in machines) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _file(self, machine: Machine) -> Path:
        return self._directory / "run" / f"{machine.name}.json"


def _started(pid: int) -> int:
    """When the process began, in ticks, which tells it from a later one; 0 when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    fields = stat.rpartition(")")[2].split()
    return 0 if fields[0] == "Z" else int(fields[19])


def _reap(pid: int) -> None:
    """Take the exit code of a child of ours, so that it does not stay as a zombie."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
