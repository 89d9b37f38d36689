"""Real etcd for tests: one member or several, each of which can be killed, stopped and started again.

Members listen on 127.0.0.1, on free ports, and keep their data in a directory that the caller removes, or in
memory. They end, and what is in memory goes, with the process that started them, however that ends.
DROMON_ETCD names the program, to test with another version than the one on the PATH.

Neighbours: etcd_guard watches over members; the store's suite and the fault tests run against them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dromon.testing import etcd_guard

PROGRAM = "DROMON_ETCD"
_READY = 30.0  # seconds that a member may take to answer
_POLL = 0.02


def program() -> str | None:
    """The path of etcd, None where there is none."""
    return os.environ.get(PROGRAM) or shutil.which("etcd")


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


@dataclass(frozen=True, slots=True)
class Tls:
    """Files for members' client ports; clients must have a certificate of `ca_file`."""

    ca_file: str
    cert_file: str
    key_file: str


@dataclass
class EtcdMember:
    """One etcd process.

    Attributes:
        name: in the cluster.
        client, peer: its ports.
    """

    name: str
    client: int
    peer: int
    directory: Path
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    guard: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """host:port for clients."""
        return f"127.0.0.1:{self.client}"

    def start(self) -> None:
        """Start it, or start it again with the data that it has; does not wait."""
        path = program()
        if path is None:
            raise RuntimeError(f"etcd is not installed (Debian: etcd-server), and {PROGRAM} names none")
        self.directory.mkdir(parents=True, exist_ok=True)
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                # It waits for its guard: begun before, it would outlive this process when that is killed now.
                ["/bin/sh", "-c", 'read -r _ && exec "$0" "$@" </dev/null', path, *self.arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.PIPE,
                env={"PATH": os.environ.get("PATH", ""), **self.environment},
                start_new_session=True,
            )
        begin = self.process.stdin
        assert begin is not None
        with begin:
            self.guard = etcd_guard.kills(self.process.pid)
            begin.write(b"\n")

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Let it hang: connections stay, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def log(self) -> str:
        """What it wrote."""
        return (self.directory / "log").read_text(errors="replace")

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        self._signal(number)
        self.resume()
        if self.process is not None:
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.guard is not None:
            self.guard.kill()
            self.guard.wait()
            self.guard = None


class Etcd:
    """A cluster of real members; a context manager.

    Args:
        directory: for data and logs.
        members: 1, 3 or 5.
        durable: False where no test speaks of durability: the data may stand on a file system in memory.
        tls: for clients' connections.
        arguments: more of etcd's flags, for every member.
    """

    def __init__(
        self,
        directory: Path,
        members: int = 1,
        *,
        durable: bool = True,
        tls: Tls | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self.tls = tls
        self._memory: Path | None = None
        self.guard: subprocess.Popen[bytes] | None = None
        if not durable and os.access("/dev/shm", os.W_OK):  # noqa: S108 (its name is the caller's own)
            self._memory = Path("/dev/shm") / f"dromon-etcd-{os.getpid()}-{id(self)}"  # noqa: S108
            directory = self._memory
        ports = free_ports(2 * members)
        scheme = "https" if tls else "http"
        peers = ",".join(f"m{i}=http://127.0.0.1:{ports[members + i]}" for i in range(members))
        self.members = [
            EtcdMember(
                name=f"m{i}",
                client=ports[i],
                peer=ports[members + i],
                directory=directory / f"m{i}",
                arguments=(*_arguments(f"m{i}", directory, scheme, ports[i], ports[members + i]),
                           f"--initial-cluster={peers}", *_tls(tls), *arguments),
            )
            for i in range(members)
        ]  # fmt: skip

    @property
    def endpoints(self) -> str:
        """All members, as they stand in a URL."""
        return ",".join(m.endpoint for m in self.members)

    def url(self, prefix: str = "", **options: str) -> str:
        """For `--store`; options' underscores become dashes."""
        given = {"prefix": prefix, **{k.replace("_", "-"): v for k, v in options.items()}}
        query = "&".join(f"{k}={v}" for k, v in given.items() if v)
        return f"{'etcds' if self.tls else 'etcd'}://{self.endpoints}" + (f"?{query}" if query else "")

    def start(self) -> None:
        """Start all members and wait until they serve.

        Raises:
            RuntimeError: with the end of a member's log.
        """
        try:
            if self._memory is not None:
                self.guard = etcd_guard.removes(self._memory)
            for member in self.members:
                member.start()
            self.wait()
        except BaseException:
            self.stop()
            raise

    def wait(self) -> None:
        """Return when every member that runs is connected to a majority."""
        deadline = time.monotonic() + _READY
        for member in self.members:
            while member.process is not None and not _healthy(member, self.tls):
                if member.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"etcd {member.name} does not serve:\n{member.log()[-2000:]}")
                time.sleep(_POLL)

    def stop(self) -> None:
        """End all members."""
        for member in self.members:
            member.kill()
        if self._memory is not None:
            shutil.rmtree(self._memory, ignore_errors=True)
        if self.guard is not None:
            self.guard.kill()
            self.guard.wait()
            self.guard = None

    def __enter__(self) -> Etcd:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


def _arguments(name: str, directory: Path, scheme: str, client: int, peer: int) -> list[str]:
    return [
        f"--name={name}",
        f"--data-dir={directory / name / 'data'}",
        f"--listen-client-urls={scheme}://127.0.0.1:{client}",
        f"--advertise-client-urls={scheme}://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        "--initial-cluster-state=new",
        f"--initial-cluster-token={directory.name}",
        "--logger=zap",
        "--log-level=warn",
    ]


def _tls(tls: Tls | None) -> list[str]:
    if tls is None:
        return []
    return [
        f"--cert-file={tls.cert_file}",
        f"--key-file={tls.key_file}",
        f"--trusted-ca-file={tls.ca_file}",
        "--client-cert-auth",
    ]


def _healthy(member: EtcdMember, tls: Tls | None) -> bool:
    if tls is not None:
        # Its health port asks for a client certificate, too: whoever listens was told to serve by raft.
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", member.client), 1):
            return True
        return False
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(f"http://{member.endpoint}/health", timeout=2) as answer,
    ):
        return b'"true"' in answer.read()
    return False
