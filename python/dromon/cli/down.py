"""`dromon down`: stop the cluster, remove its containers, rules, bridges, veths and routes.

Neighbours: cli.up runs it for Ctrl-C; the kubelet's and the proxy's `cleanup` modules know what they left.
"""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from dromon.cli import datadir, process
from dromon.cli.component import load
from dromon.cli.datadir import DataDir, Lock, read_json
from dromon.cli.up import processes_of

NODES_AT_ONCE = 8
"""Nodes that are cleaned side by side."""

STOP = 60.0
"""Seconds that the supervisor has to stop all components, before it is killed."""

EPILOG = """\b
Examples:
  dromon down              the store and its objects stay for the next `dromon up`
  dromon down --purge      nothing stays
  dromon down --keep-pods  containers run on, and the next `dromon up` finds them
"""


@click.command(epilog=EPILOG)
@click.option("--data-dir", default=datadir.DEFAULT, show_default=True, help="Where the cluster lives.")
@click.option("--purge", is_flag=True, help="Delete the data directory, too.")
@click.option(
    "--keep-pods", is_flag=True, help="Stop dromon's own processes only; containers and portals stay."
)
def command(data_dir: str, purge: bool, keep_pods: bool) -> None:
    """Stop the cluster and leave nothing of it on the host but its data directory.

    Containers get SIGTERM and their pods' terminationGracePeriodSeconds, but at most 10 seconds.
    """
    if purge and keep_pods:
        raise click.UsageError("--purge and --keep-pods exclude each other")
    directory = DataDir(data_dir)
    if not directory.ours:
        if directory.path.exists():
            raise click.ClickException(
                f"{directory.path} is not a data directory of dromon: nothing was touched"
            )
        click.echo(f"nothing runs in {directory.path}")
        return
    code = stop_and_clean(directory, click.echo, keep_pods=keep_pods)
    if code:
        sys.exit(code)
    if purge:
        _purge(directory)
        click.echo(f"deleted {directory.path}")


def stop_and_clean(directory: DataDir, tell: Callable[[str], None], *, keep_pods: bool = False) -> int:
    """Stop all processes of the cluster and clean the host, unless pods are to be kept; the exit code.

    Works as well when only parts of the cluster still run, or none.
    """
    state = read_json(directory.state)
    supervisor = (int(state.get("pid", 0)), int(state.get("started", 0)))
    try:
        if process.send(*supervisor, signal.SIGTERM):
            if process.wait_gone([supervisor], STOP):
                tell("the supervisor did not stop in time: killing it")
                process.send(*supervisor, signal.SIGKILL)
                process.wait_gone([supervisor], 5.0)
            tell("stopped all components")
        process.end(processes_of(state), grace=10.0)
    except PermissionError:
        tell(f"the cluster in {directory.path} runs as another user: run dromon down as that user")
        return 1
    lock = Lock(directory.lock)
    if not lock.acquire(patience=0.5):
        tell(f"another dromon is starting a cluster in {directory.path}: try again")
        return 1
    try:
        code = 0 if keep_pods else _clean(directory, tell)
    finally:
        lock.release()
    directory.state.unlink(missing_ok=True)
    return code


def _clean(directory: DataDir, tell: Callable[[str], None]) -> int:
    """Remove what kubelets and the proxy left on the host."""
    if read_json(directory.settings).get("runtime") != "docker":
        return 0
    code = 0
    hooks = [("dromon.proxy.cleanup:cleanup", directory.path)]
    hooks += [("dromon.kubelet.cleanup:cleanup", node) for node in sorted(directory.nodes.iterdir())]
    # Side by side, since containers of every node have a grace.
    with ThreadPoolExecutor(NODES_AT_ONCE) as threads:
        for lines in threads.map(_run_hook, *zip(*hooks, strict=True)):
            for line in lines:
                tell(line)
                code = code or int(line.startswith("failed"))
    return code


def _run_hook(target: str, where: Path) -> list[str]:
    try:
        return list(load(target)(str(where)))
    except Exception as error:
        return [f"failed: {target.partition(':')[0]}: {error}"]


def _purge(directory: DataDir) -> None:
    mounted = mounts_below(directory.path)
    if mounted:
        raise click.ClickException(
            f"not deleted, because {mounted[0]} is still mounted: umount it, then run this again"
        )
    try:
        shutil.rmtree(directory.path)
    except OSError as error:
        raise click.ClickException(f"{directory.path} can't be deleted: {error}") from None


def mounts_below(path: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> list[str]:
    """Mount points at or under `path`, links in it resolved, deepest first."""
    from dromon.kubelet.volumes.mounts import points_below

    return points_below(mountinfo.read_text(errors="surrogateescape"), str(path.resolve()))
