"""gitRepo: a repository, checked out once when the pod starts (talk, slide 20).

The repository is the pod author's and not to be trusted: no hooks, no helpers that run commands, no prompts,
no configuration of the node's user, no submodules; and it is cloned within limits of time and file size.

Source: core/v1 GitRepoVolumeSource; the lesson of CVE-2024-10220.

Neighbours: manager calls; the "ready" mark lies in the pod's plugins directory, as upstream's does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess

from dromon.api.types.volume import GitRepoVolumeSource
from dromon.kubelet.volumes.interface import MountContext, VolumeError

TIMEOUT = 120.0
"""Seconds for the whole of a clone."""

MAX_FILE = 1 << 30
"""Bytes of one file, packs included."""

_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "protocol.ext.allow=never",
    "credential.helper=",
)
_PROTOCOLS = "file:git:http:https:ssh"
_PASSED_ON = ("PATH", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class GitRepoPlugin:
    """Clones with the node's git."""

    directory = "kubernetes.io~git-repo"
    fs_group = True
    dynamic = False

    async def mount(self, context: MountContext) -> str:
        source = context.volume.git_repo
        assert source is not None
        check(source)
        await context.blocking(_make, context, source)
        return context.path


def check(source: GitRepoVolumeSource) -> None:
    """Refuse what could be taken for an option or leaves the volume.

    Raises:
        VolumeError: with the field at fault.
    """
    for field, value in (("repository", source.repository), ("revision", source.revision)):
        if value.startswith("-") or "\0" in value or "\n" in value:
            raise VolumeError(f"gitRepo {field} {value!r} is invalid")
    if not source.repository:
        raise VolumeError("gitRepo repository is required")
    if "/" in source.directory or source.directory in ("..", ".git") or source.directory.startswith("-"):
        raise VolumeError(f"gitRepo directory {source.directory!r} must be '.' or one new directory's name")


def _make(context: MountContext, source: GitRepoVolumeSource) -> None:
    pod_dir = os.path.dirname(os.path.dirname(os.path.dirname(context.path)))
    ready = os.path.join(pod_dir, "plugins", GitRepoPlugin.directory, context.volume.name, "ready")
    if os.path.exists(ready):
        return
    shutil.rmtree(context.path, ignore_errors=True)
    os.makedirs(context.path)
    os.chmod(context.path, 0o777)  # noqa: S103
    git = shutil.which("git")
    if git is None:
        raise VolumeError("git is not installed on this node: a gitRepo volume needs it")
    target = [source.directory] if source.directory else []
    _git(git, context.path, "clone", "--no-hardlinks", "--template=", "--", source.repository, *target)
    if source.revision:
        _git(git, _work_tree(context.path, source.directory), "checkout", "--force", source.revision, "--")
    os.makedirs(os.path.dirname(ready), exist_ok=True)
    with open(ready, "w", encoding="ascii"):
        pass


def _work_tree(path: str, directory: str) -> str:
    if directory:
        return os.path.join(path, directory)
    made = os.listdir(path)
    if len(made) != 1:
        raise VolumeError(f"git clone made {len(made)} directories where one was expected")
    return os.path.join(path, made[0])


def _git(git: str, directory: str, *arguments: str) -> None:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/true",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        "GIT_ALLOW_PROTOCOL": _PROTOCOLS,
        "GIT_CEILING_DIRECTORIES": directory,
        "LC_ALL": "C",
    }
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    limited = ["/bin/sh", "-c", f'ulimit -f {MAX_FILE // 512}; exec "$@"', "sh"]
    process = subprocess.Popen(
        [*limited, git, *settings, *arguments],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, said = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise VolumeError(f"git {arguments[0]} did not end within {TIMEOUT:.0f} s") from None
    if process.returncode != 0:
        words = " ".join(said.decode("utf-8", "replace").split())[-400:]
        raise VolumeError(f"git {arguments[0]} failed: {words or f'exit code {process.returncode}'}")
