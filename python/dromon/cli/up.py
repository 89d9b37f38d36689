"""`dromon up`: a cluster on this machine.

The command itself is the front: it makes certificates, forks the supervisor (which imports meanwhile), waits
until the cluster is ready, and then returns (--detach) or stays until Ctrl-C.

Neighbours: cli.settings, cli.runtime, cli.provision and cli.topology decide; cli.supervisor runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

import click

from dromon.cli import datadir, process, runtime
from dromon.cli.datadir import DataDir, Lock, read_json, write_json
from dromon.cli.settings import RUNTIMES, Settings, resolve

EPILOG = """\b
Examples:
  dromon up                                            one node, Docker where it can be used
  dromon up --runtime hollow --nodes 3 --detach        three simulated nodes, in the background
  dromon up --store memory:// --port 0                 leave nothing on disk but certificates; any free port
"""


@click.command(epilog=EPILOG)
@click.option("--data-dir", default=datadir.DEFAULT, show_default=True, help="Where the cluster lives.")
@click.option(
    "--runtime",
    "runtime_name",
    type=click.Choice(RUNTIMES),
    help="auto: docker where it can be reached and iptables may be used, else hollow.  [default: auto]",
)
@click.option("--nodes", type=int, help="How many nodes.  [default: 1]")
@click.option(
    "--store",
    help="URL: sqlite:///PATH, etcd://HOST:PORT,... or memory://.  [default: SQLite in the data directory]",
)
@click.option("--bind", help="Address that the API listens on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port that the API listens on; 0: any free one.  [default: 6443]")
@click.option(
    "--pod-cidr",
    help="Network of the pods, a /24 a node.  [default: 10.1.0.0/16; from 257 nodes on 10.16.0.0/12, "
    "from 4097 nodes on 10.128.0.0/9]",
)
@click.option("--service-cidr", help="Network of the portals.  [default: 10.0.0.0/16]")
@click.option(
    "--hollow",
    metavar="NAME=VALUE,...",
    help="Settings of simulated nodes, as dromon hollow has them: seed=7,start-seconds=exponential:2.",
)
@click.option("--audit-log", type=click.Path(dir_okay=False, resolve_path=True), help="File of audit events.")
@click.option("--bulk/--no-bulk", default=None, help="Serve bulk verbs, or only what upstream has.")
@click.option(
    "--detach", is_flag=True, help="Return when the cluster is ready; it goes on in the background."
)
@click.option(
    "--wait",
    type=float,
    default=120.0,
    show_default=True,
    help="Seconds that the cluster has to become ready; after that the command fails, the cluster goes on.",
)
def command(data_dir: str, runtime_name: str | None, detach: bool, wait: float, **flags: Any) -> None:
    """Start a cluster on this machine, and say when it is ready.

    What was chosen at the first start (nodes, networks, port, ...) is kept for the next ones. If the
    cluster runs already, the command says so and succeeds. After a crash of everything the next start takes
    over what still runs. Ctrl-C stops all, as `dromon down` does.
    """
    begin = time.monotonic()
    directory = DataDir(data_dir)
    directory.make()
    lock = Lock(directory.lock)
    if not lock.acquire(patience=0.1):  # `status` may hold it for an instant
        state = read_json(directory.state)
        click.echo(f"A cluster runs already in {directory.path} (supervisor pid {state.get('pid', '?')}).")
        click.echo(f"  export KUBECONFIG={directory.kubeconfig}")
        return
    recorded = read_json(directory.settings)
    settings = _settings(recorded, {"runtime": runtime_name, **flags})
    _take_over(directory)
    settings = _choose_port(settings)
    _record(directory, settings, _say_goodbye(directory, recorded, settings))
    code = Front(directory, lock, settings, detach=detach, patience=wait, begin=begin).run()
    if code:
        sys.exit(code)


def _settings(recorded: dict[str, Any], flags: dict[str, Any]) -> Settings:
    if flags.get("runtime") == "auto" or (flags.get("runtime") is None and not recorded.get("runtime")):
        flags["runtime"] = None
        wanted = recorded.get("runtime") or "auto"
    else:
        wanted = flags["runtime"] or recorded["runtime"]
    try:
        choice = runtime.choose(wanted)
    except runtime.Unusable as error:
        raise click.ClickException(str(error)) from None
    why = choice.why if wanted == flags["runtime"] or wanted == "auto" else "as at the last start"
    click.echo(f"runtime {choice.runtime}: {why}")
    return resolve({**flags, "runtime": choice.runtime}, recorded)


def _record(directory: DataDir, settings: Settings, leaving: Sequence[str]) -> None:
    """Write down the settings, and which nodes of earlier starts are still to be removed."""
    import dataclasses

    write_json(directory.settings, {**dataclasses.asdict(settings), "leaving": list(leaving)})


def _say_goodbye(directory: DataDir, recorded: dict[str, Any], settings: Settings) -> list[str]:
    """The nodes that are no longer asked for; what they had on this machine is removed."""
    if not recorded:
        return []
    from dromon.cli import leaving
    from dromon.cli.provision import this_host

    names = leaving.leaving(recorded, settings, this_host(""))
    if settings.runtime == "docker":
        leaving.clear_host(directory, names, click.echo)
    return names


def _take_over(directory: DataDir) -> None:
    """End components that a killed supervisor left behind; their containers go on."""
    stale = processes_of(read_json(directory.state))
    left = [entry for entry in stale if process.alive(*entry)]
    if not left:
        return
    click.echo(f"taking over from a supervisor that was killed: ending {len(left)} of its components")
    try:
        process.end(left, grace=5.0)
    except PermissionError:
        raise click.ClickException(
            f"components of {directory.path} run as another user: stop them as that user (dromon down)"
        ) from None


def processes_of(state: dict[str, Any]) -> list[tuple[int, int]]:
    """(pid, start time) of the components that a state file tells of."""
    return [(int(c["pid"]), int(c["started"])) for c in state.get("components", [])]


def _choose_port(settings: Settings) -> Settings:
    """The settings with a port that can be listened on.

    Raises:
        click.ClickException: it can't, with what to do.
    """
    import dataclasses

    family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.bind, settings.port))
        except OSError as error:
            raise click.ClickException(
                f"the API can't listen on {settings.bind}:{settings.port} ({error.strerror}): "
                "choose another with --port (0: any free one) or --bind"
            ) from None
        return dataclasses.replace(settings, port=probe.getsockname()[1])


class Front:
    """What the user sees of a start."""

    def __init__(
        self,
        directory: DataDir,
        lock: Lock,
        settings: Settings,
        *,
        detach: bool,
        patience: float,
        begin: float,
    ) -> None:
        self._directory = directory
        self._lock = lock
        self._settings = settings
        self._detach = detach
        self._patience = patience
        self._begin = begin
        self._buffer = b""

    def run(self) -> int:
        """Start, wait, stay (unless detached); the exit code."""
        from dromon.cli.provision import this_host
        from dromon.cli.topology import node_names, plan

        address = runtime.node_ip() if self._settings.runtime == "docker" else "127.0.0.1"
        host = this_host(address)
        since = float(int(time.time()))
        orders_read, self._orders = os.pipe2(os.O_CLOEXEC)
        self._reports, reports_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        front = os.getpid()
        sys.stdout.flush()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._orders)
            os.close(self._reports)
            self._supervise(plan(self._settings, self._directory, host), orders_read, reports_write, front)
        self._started = process.start_time(self._pid)
        self._lock.release()  # the supervisor has it now
        os.close(orders_read)
        os.close(reports_write)
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            from dromon.cli.provision import provision

            names = node_names(self._settings, host)
            provision(self._settings, self._directory, host, names, time.time())
            os.write(self._orders, b"g")
            ready = self._wait_until_ready(since)
            if self._detach:
                return 0 if ready else 1
            return self._stay()
        except KeyboardInterrupt:
            return self._shut_down()
        finally:
            os.close(self._orders)

    def _supervise(self, parts: list[Any], orders: int, reports: int, front: int) -> None:
        """The forked child: become the supervisor; never returns."""
        code = 1
        try:
            from dromon.base import log
            from dromon.cli import child
            from dromon.cli.supervisor import Reporter, Supervisor

            os.setsid()
            if not self._detach:
                process.die_with_parent(front)
            child.redirect(self._directory, "supervisor")
            log.setup("supervisor")
            Supervisor(parts, self._directory, self._lock, Reporter(reports)).run(orders)
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)

    def _wait_until_ready(self, since: float) -> bool:
        import asyncio

        from dromon.cli import readiness

        deadline = time.monotonic() + self._patience
        last = readiness.Progress(False, 0, self._settings.nodes)

        def stop() -> bool:
            self._print_reports()
            return time.monotonic() > deadline or not self._alive()

        def tell(progress: readiness.Progress) -> None:
            nonlocal last
            if progress.api and not last.api:
                self._say(f"the API answers at {self._settings.server}")
            if progress.ready and (progress.ready == progress.nodes or progress.nodes <= 10):
                self._say(f"{progress.ready} of {progress.nodes} nodes Ready")
            last = progress

        kubeconfig = self._directory.kubeconfig
        end = asyncio.run(readiness.wait(kubeconfig, self._settings.nodes, since, tell, stop))
        if end.api:
            self._remove_nodes()
        if end.complete:
            self._say("ready")
            click.echo(f"  export KUBECONFIG={kubeconfig}")
            click.echo("  kubectl get nodes        # or: dromon get nodes")
            click.echo(
                f"  dromon down{self._flag()}" + ("" if self._detach else "    # Ctrl-C does the same")
            )
            return True
        self._say_what_is_wrong(end.api, end.ready)
        return False

    def _remove_nodes(self) -> None:
        """Delete the Node objects of earlier starts that are no longer asked for."""
        names = read_json(self._directory.settings).get("leaving")
        if not names:
            return
        import asyncio

        from dromon.api.errors import ApiError
        from dromon.cli import leaving
        from dromon.client.rest import ConnectionFailed

        try:
            deleted = asyncio.run(leaving.delete_nodes(self._directory.kubeconfig, names))
        except (ApiError, ConnectionFailed) as error:
            click.echo(f"nodes of earlier starts could not be removed: {error}", err=True)
            return
        if deleted:
            self._say(f"removed nodes that are no longer asked for: {', '.join(deleted)}")
        _record(self._directory, self._settings, [])

    def _say_what_is_wrong(self, api: bool, ready: int) -> None:
        if not self._alive():
            click.echo(f"the supervisor ended; its log: {self._directory.log('supervisor')}", err=True)
            return
        if not api:
            its_log = self._directory.log("apiserver")
            text = f"the API does not answer after {self._patience:g} s; its log: {its_log}"
        else:
            logs = self._directory.logs
            text = (
                f"{ready} of {self._settings.nodes} nodes are Ready after {self._patience:g} s; logs: {logs}"
            )
        click.echo(f"{text}\nThe cluster goes on trying: see dromon status{self._flag()}", err=True)

    def _stay(self) -> int:
        """Print what the supervisor reports until it ends."""
        import select

        while self._alive():
            select.select([self._reports], [], [], 1.0)
            self._print_reports()
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, os.WNOHANG)
        click.echo("the cluster was stopped")
        return 0

    def _shut_down(self) -> int:
        """Ctrl-C: what `dromon down` does."""
        from dromon.cli.down import stop_and_clean

        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second Ctrl-C ends the front at once
        click.echo("\nstopping (Ctrl-C again: don't wait)")
        return stop_and_clean(self._directory, click.echo)

    def _alive(self) -> bool:
        return process.alive(self._pid, self._started)

    def _print_reports(self) -> None:
        import json

        try:
            data = os.read(self._reports, 65536)
        except BlockingIOError:
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._say(json.loads(line))

    def _say(self, text: str) -> None:
        click.echo(f"[{time.monotonic() - self._begin:6.2f} s] {text}")

    def _flag(self) -> str:
        """The option that other commands need to find this cluster; "" for the default one."""
        default = DataDir(datadir.DEFAULT).path
        return "" if self._directory.path == default else f" --data-dir {self._directory.path}"


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
