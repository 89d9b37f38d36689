"""Docker or hollow: which can be used here, and why not the other.

Neighbours: cli.up asks; nothing here imports the docker package, which would cost 0.2 s.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Choice:
    """A runtime, and why it was chosen: one line for people."""

    runtime: str
    why: str


class Unusable(Exception):
    """The runtime that was asked for can't be used; the text says why and what to do."""


def choose(wanted: str) -> Choice:
    """The runtime for "auto", "docker" or "hollow".

    Raises:
        Unusable: "docker" was asked for and can't be used.
    """
    if wanted == "hollow":
        return Choice("hollow", "asked for: pods are simulated")
    obstacle = docker_obstacle() or iptables_obstacle()
    if not obstacle:
        why = "asked for" if wanted == "docker" else "Docker can be reached and iptables can be used"
        return Choice("docker", why)
    if wanted == "docker":
        raise Unusable(f"--runtime docker can't be used: {obstacle}. Or use --runtime hollow.")
    return Choice("hollow", f"pods are simulated, because {obstacle}")


def docker_obstacle() -> str:
    """Why the Docker daemon can't be used; "" when it can."""
    url = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    try:
        with _connect(url) as connection:
            connection.settimeout(2.0)
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            status = connection.recv(64).split(b" ", 2)[1:2]
    except FileNotFoundError:
        return f"no Docker daemon is at {url} (install docker.io and start it)"
    except PermissionError:
        return f"{url} may not be used by this user (run as root)"
    except (OSError, ValueError) as error:
        return f"the Docker daemon at {url} does not answer ({error})"
    return "" if status == [b"200"] else f"the Docker daemon at {url} is not well"


def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(2.0)
        try:
            connection.connect(parts.path)
        except BaseException:
            connection.close()
            raise
        return connection
    if parts.scheme == "tcp" and parts.hostname:
        return socket.create_connection((parts.hostname, parts.port or 2375), 2.0)
    raise ValueError(f"DOCKER_HOST {url!r} is neither unix:// nor tcp://")


def iptables_obstacle() -> str:
    """Why iptables can't be used; "" when it can."""
    if os.geteuid() != 0:
        return "pod networks and iptables need root (run with sudo)"
    path = shutil.which("iptables", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        return "there is no iptables (install the package iptables)"
    try:
        result = subprocess.run(
            [path, "-w", "5", "-t", "nat", "-S", "OUTPUT"], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"iptables can't be run ({error})"
    return "" if result.returncode == 0 else f"iptables can't be used ({result.stderr.strip()})"


def node_ip() -> str:
    """This machine's address as others see it; 127.0.0.1 without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # No packet is sent: connecting a datagram socket only looks the route up.
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
