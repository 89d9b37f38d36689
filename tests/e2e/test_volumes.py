"""Real mounts: tmpfs for secrets and memory, gone with the pod and after a clean-up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dromon.api.types.config import ConfigMap, Secret
from dromon.api.types.container import Container
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod, PodSpec
from dromon.api.types.volume import EmptyDirVolumeSource, SecretVolumeSource, Volume
from dromon.kubelet.volumes.cleanup import cleanup
from dromon.kubelet.volumes.manager import Volumes
from dromon.kubelet.volumes.mounts import SystemMounter

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")]


class Sources:
    async def config_map(self, namespace: str, name: str) -> ConfigMap | None:
        return None

    async def secret(self, namespace: str, name: str) -> Secret | None:
        return Secret(data={"token": b"t"})


def pod(uid: str) -> Pod:
    volumes = [
        Volume(name="fast", empty_dir=EmptyDirVolumeSource(medium="Memory", size_limit="1Mi")),
        Volume(name="secret", secret=SecretVolumeSource(secret_name="s")),
    ]
    return Pod(
        metadata=ObjectMeta(name=uid, namespace="default", uid=uid),
        spec=PodSpec(containers=[Container(name="c")], volumes=volumes),
    )


async def test_memory_volumes_are_tmpfs_with_their_limit_and_leave_no_mount(tmp_path: Path) -> None:
    volumes, mounter = Volumes(str(tmp_path), Sources()), SystemMounter()
    try:
        paths = await volumes.mount(pod("one"))
        await volumes.mount(pod("one"))
        await volumes.mount(pod("two"))
        assert len(mounter.below(str(tmp_path))) == 4
        status = os.statvfs(paths["fast"])
        assert status.f_blocks * status.f_frsize == 1 << 20
        assert Path(paths["secret"], "token").read_bytes() == b"t"
        with open(Path(paths["fast"], "busy"), "w"):
            await volumes.unmount("one")
        assert len(mounter.below(str(tmp_path))) == 2
        assert not Path(paths["fast"]).exists()
    finally:
        removed = cleanup(str(tmp_path))
    assert len(removed) == 2
    assert mounter.below(str(tmp_path)) == []
    assert cleanup(str(tmp_path)) == []
