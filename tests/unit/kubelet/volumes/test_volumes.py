"""Volume types through the manager, with mounts faked and API objects given."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from dromon.api.types.config import ConfigMap, Secret
from dromon.api.types.container import Container, ObjectFieldSelector, ResourceFieldSelector
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod, PodSpec
from dromon.api.types.security import PodSecurityContext
from dromon.api.types.volume import (
    ConfigMapProjection,
    ConfigMapVolumeSource,
    DownwardAPIProjection,
    DownwardAPIVolumeFile,
    DownwardAPIVolumeSource,
    EmptyDirVolumeSource,
    GitRepoVolumeSource,
    HostPathVolumeSource,
    KeyToPath,
    PersistentVolumeClaimVolumeSource,
    ProjectedVolumeSource,
    SecretProjection,
    SecretVolumeSource,
    ServiceAccountTokenProjection,
    Volume,
    VolumeProjection,
)
from dromon.kubelet.volumes import gitrepo
from dromon.kubelet.volumes.interface import VolumeError
from dromon.kubelet.volumes.manager import Volumes


class FakeMounter:
    def __init__(self) -> None:
        self.mounted: dict[str, tuple[int | None, int]] = {}
        self.stuck = False

    def tmpfs(self, path: str, size: int | None, mode: int) -> None:
        self.mounted[path] = (size, mode)

    def unmount(self, path: str) -> None:
        if not self.stuck:
            self.mounted.pop(path, None)

    def below(self, path: str) -> list[str]:
        return [point for point in self.mounted if point.startswith(path)]


class FakeSources:
    def __init__(self) -> None:
        self.config_maps = {"cfg": ConfigMap(data={"a": "1", "b": "2"}, binary_data={"c": b"\xff"})}
        self.secrets = {"sec": Secret(data={"password": b"hunter2"})}

    async def config_map(self, namespace: str, name: str) -> ConfigMap | None:
        assert namespace == "default"
        return self.config_maps.get(name)

    async def secret(self, namespace: str, name: str) -> Secret | None:
        return self.secrets.get(name)


class Node:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources = FakeSources()
        self.mounter = FakeMounter()
        self.volumes = Volumes(
            str(root), self.sources, mounter=self.mounter, allocatable={"cpu": 2000, "memory": 1 << 30}
        )

    async def mount(self, *volumes: Volume, group: int | None = None) -> dict[str, Path]:
        paths = await self.volumes.mount(pod(*volumes, group=group))
        return {name: Path(path) for name, path in paths.items()}


def pod(*volumes: Volume, group: int | None = None, labels: dict[str, str] | None = None) -> Pod:
    security = PodSecurityContext(fs_group=group) if group is not None else None
    return Pod(
        metadata=ObjectMeta(
            name="p",
            namespace="default",
            uid="uid-1",
            labels=labels if labels is not None else {"app": 'n"1'},
        ),
        spec=PodSpec(containers=[Container(name="main")], volumes=list(volumes), security_context=security),
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


async def test_empty_dir_is_writable_by_all_and_goes_with_the_pod(node: Node) -> None:
    volume = Volume(name="scratch", empty_dir=EmptyDirVolumeSource())
    paths = await node.mount(volume, Volume(name="bare"))
    assert paths["scratch"] == node.root / "pods/uid-1/volumes/kubernetes.io~empty-dir/scratch"
    assert mode(paths["scratch"]) == 0o777
    assert paths["bare"].is_dir()
    (paths["scratch"] / "kept").write_text("x")
    await node.mount(volume)
    assert (paths["scratch"] / "kept").exists()
    await node.volumes.unmount("uid-1")
    assert not paths["scratch"].exists()
    await node.volumes.unmount("uid-1")


async def test_empty_dir_in_memory_has_its_limit(node: Node) -> None:
    source = EmptyDirVolumeSource(medium="Memory", size_limit="64Mi")
    paths = await node.mount(Volume(name="m", empty_dir=source))
    assert node.mounter.mounted == {str(paths["m"]): (64 << 20, 0o777)}
    await node.volumes.unmount("uid-1")
    assert node.mounter.mounted == {}


async def test_what_cannot_be_unmounted_is_not_deleted(node: Node) -> None:
    paths = await node.mount(Volume(name="m", empty_dir=EmptyDirVolumeSource(medium="Memory")))
    (paths["m"] / "file").write_text("x")
    node.mounter.stuck = True
    with pytest.raises(VolumeError, match="can't unmount"):
        await node.volumes.unmount("uid-1")
    assert (paths["m"] / "file").exists()


async def test_config_map_files_change_all_at_once(node: Node) -> None:
    volume = Volume(name="cfg", config_map=ConfigMapVolumeSource(name="cfg", default_mode=0o640))
    path = (await node.mount(volume))["cfg"]
    assert {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()} == {
        "a": b"1",
        "b": b"2",
        "c": b"\xff",
    }
    assert mode(path / "a") == 0o640
    first = os.readlink(path / "..data")
    assert os.readlink(path / "a") == "..data/a"

    await node.volumes.refresh(pod(volume))
    assert os.readlink(path / "..data") == first

    node.sources.config_maps["cfg"] = ConfigMap(data={"a": "new", "d": "4"})
    await node.volumes.refresh(pod(volume))
    assert os.readlink(path / "..data") != first
    assert sorted(file.name for file in path.iterdir() if not file.name.startswith("..")) == ["a", "d"]
    assert (path / "a").read_text() == "new"
    assert not (path / first).exists()


async def test_items_choose_keys_paths_and_modes(node: Node) -> None:
    items = [KeyToPath(key="a", path="deep/er/x", mode=0o400)]
    path = (await node.mount(Volume(name="v", config_map=ConfigMapVolumeSource(name="cfg", items=items))))[
        "v"
    ]
    assert (path / "deep/er/x").read_text() == "1"
    assert mode(path / "deep/er/x") == 0o400
    assert not (path / "a").exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (ConfigMapVolumeSource(name="none"), 'configmap "none" not found'),
        (
            ConfigMapVolumeSource(name="cfg", items=[KeyToPath(key="z", path="z")]),
            "non-existent config key: z",
        ),
        (ConfigMapVolumeSource(name="cfg", items=[KeyToPath(key="a", path="../z")]), "invalid path"),
        (ConfigMapVolumeSource(name="cfg", items=[KeyToPath(key="a", path="/z")]), "invalid path"),
    ],
)
async def test_what_is_missing_or_leaves_the_volume_is_refused(
    node: Node, source: ConfigMapVolumeSource, message: str
) -> None:
    with pytest.raises(VolumeError, match=message) as caught:
        await node.mount(Volume(name="v", config_map=source))
    assert str(caught.value).startswith('MountVolume.SetUp failed for volume "v" : ')
    if not source.items or source.items[0].key == "z":
        source.optional = True
        assert list((await node.mount(Volume(name="v", config_map=source)))["v"].glob("[!.]*")) == []


async def test_secrets_stay_in_memory(node: Node) -> None:
    path = (await node.mount(Volume(name="s", secret=SecretVolumeSource(secret_name="sec"))))["s"]
    assert str(path) in node.mounter.mounted
    assert (path / "password").read_bytes() == b"hunter2"
    with pytest.raises(VolumeError, match='secret "nope" not found'):
        await node.mount(Volume(name="t", secret=SecretVolumeSource(secret_name="nope")))


async def test_downward_api_tells_a_pod_about_itself(node: Node) -> None:
    def item(path: str, field: str = "", resource: str = "", divisor: str = "0") -> DownwardAPIVolumeFile:
        return DownwardAPIVolumeFile(
            path=path,
            field_ref=ObjectFieldSelector(field_path=field) if field else None,
            resource_field_ref=ResourceFieldSelector(
                container_name="main", resource=resource, divisor=divisor
            )
            if resource
            else None,
        )

    source = DownwardAPIVolumeSource(
        items=[
            item("labels", "metadata.labels"),
            item("name", "metadata.name"),
            item("cpu", resource="limits.cpu", divisor="1m"),
            item("memory", resource="limits.memory", divisor="1Mi"),
        ]
    )
    volume = Volume(name="v", downward_api=source)
    path = (await node.mount(volume))["v"]
    assert (path / "labels").read_text() == 'app="n\\"1"'
    assert (path / "name").read_text() == "p"
    assert (path / "cpu").read_text() == "2000"
    assert (path / "memory").read_text() == "1024"
    await node.volumes.refresh(pod(volume, labels={"b": "2", "a": "1"}))
    assert (path / "labels").read_text() == 'a="1"\nb="2"'
    with pytest.raises(VolumeError, match=r"unsupported fieldPath: spec\.x"):
        await node.mount(Volume(name="w", downward_api=DownwardAPIVolumeSource(items=[item("x", "spec.x")])))


async def test_projected_merges_its_sources(node: Node) -> None:
    sources = [
        VolumeProjection(
            config_map=ConfigMapProjection(name="cfg", items=[KeyToPath(key="a", path="cfg/a")])
        ),
        VolumeProjection(secret=SecretProjection(name="sec")),
        VolumeProjection(
            downward_api=DownwardAPIProjection(
                items=[
                    DownwardAPIVolumeFile(
                        path="uid", field_ref=ObjectFieldSelector(field_path="metadata.uid")
                    )
                ]
            )
        ),
    ]
    volume = Volume(name="all", projected=ProjectedVolumeSource(sources=sources, default_mode=0o444))
    path = (await node.mount(volume))["all"]
    assert (path / "cfg/a").read_text() == "1"
    assert (path / "password").read_bytes() == b"hunter2"
    assert (path / "uid").read_text() == "uid-1"
    assert mode(path / "password") == 0o444
    token = VolumeProjection(service_account_token=ServiceAccountTokenProjection(path="token"))
    with pytest.raises(VolumeError, match="serviceAccountToken is not supported"):
        await node.mount(Volume(name="t", projected=ProjectedVolumeSource(sources=[token])))


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
async def test_the_pods_group_owns_the_content(node: Node) -> None:
    paths = await node.mount(
        Volume(name="scratch", empty_dir=EmptyDirVolumeSource()),
        Volume(name="cfg", config_map=ConfigMapVolumeSource(name="cfg", default_mode=0o400)),
        group=4321,
    )
    assert paths["scratch"].stat().st_gid == 4321
    assert mode(paths["scratch"]) == 0o2777
    assert (paths["cfg"] / "a").stat().st_gid == 4321
    assert mode(paths["cfg"] / "a") == 0o440


@pytest.mark.parametrize(
    ("kind", "exists_as", "works"),
    [
        ("", None, True),
        ("", "file", True),
        ("DirectoryOrCreate", None, True),
        ("DirectoryOrCreate", "file", False),
        ("FileOrCreate", None, True),
        ("FileOrCreate", "directory", False),
        ("Directory", None, False),
        ("Directory", "directory", True),
        ("File", "file", True),
        ("File", "directory", False),
        ("Socket", "socket", True),
        ("Socket", "file", False),
        ("CharDevice", "file", False),
        ("BlockDevice", None, False),
        ("Nonsense", "file", False),
    ],
)
async def test_host_path_types(node: Node, kind: str, exists_as: str | None, works: bool) -> None:
    path = node.root / "h"
    if exists_as == "file":
        path.write_text("x")
    elif exists_as == "directory":
        path.mkdir()
    elif exists_as == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    volume = Volume(name="h", host_path=HostPathVolumeSource(path=str(path), type=kind))
    if works:
        assert (await node.mount(volume))["h"] == path
        assert path.exists()
    else:
        with pytest.raises(VolumeError, match="hostPath type"):
            await node.mount(volume)
    existed = path.exists()
    await node.volumes.unmount("uid-1")
    assert path.exists() == existed


async def test_host_path_must_be_absolute(node: Node) -> None:
    for bad in ("relative", "/a/../b"):
        with pytest.raises(VolumeError, match="must be absolute"):
            await node.mount(Volume(name="h", host_path=HostPathVolumeSource(path=bad)))


async def test_unsupported_types_say_so(node: Node) -> None:
    claim = PersistentVolumeClaimVolumeSource(claim_name="c")
    with pytest.raises(VolumeError, match="volume type persistentVolumeClaim is not supported by this node"):
        await node.mount(Volume(name="v", persistent_volume_claim=claim))


async def test_volumes_of_pods_with_impossible_uids_are_refused(node: Node) -> None:
    for uid in ("", "..", "a/b"):
        with pytest.raises(VolumeError, match="invalid pod uid"):
            await node.volumes.unmount(uid)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    path = tmp_path / "site.repo"
    commands = [
        ["init", "-q", "-b", "main", str(path)],
        ["-C", str(path), "add", "."],
        ["-C", str(path), "-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "-m", "one"],
        ["-C", str(path), "tag", "v1"],
    ]
    path.mkdir()
    (path / "index.html").write_text("one")
    for command in commands:
        subprocess.run(["git", *command], check=True)
    (path / "index.html").write_text("two")
    subprocess.run(["git", *commands[1]], check=True)
    subprocess.run(["git", *commands[2]], check=True)
    return path


async def test_git_repo_is_cloned_once(node: Node, repository: Path) -> None:
    def source(**fields: str) -> Volume:
        return Volume(name="g", git_repo=GitRepoVolumeSource(repository=f"file://{repository}", **fields))

    path = (await node.mount(source()))["g"]
    assert (path / "site.repo/index.html").read_text() == "two"
    (path / "site.repo/index.html").write_text("changed by the pod")
    await node.mount(source())
    assert (path / "site.repo/index.html").read_text() == "changed by the pod"
    await node.volumes.unmount("uid-1")
    path = (await node.mount(source(revision="v1", directory=".")))["g"]
    assert (path / "index.html").read_text() == "one"
    await node.volumes.unmount("uid-1")
    path = (await node.mount(source(directory="html")))["g"]
    assert (path / "html/index.html").read_text() == "two"


@pytest.mark.parametrize(
    "fields",
    [
        {"repository": "--upload-pack=touch /tmp/x"},
        {"repository": "ext::sh -c true"},
        {"repository": "file:///does/not/exist"},
        {"repository": ""},
        {"directory": "../../etc"},
        {"directory": ".."},
        {"directory": ".git"},
        {"revision": "--orphan"},
        {"revision": "no-such-revision"},
    ],
)
async def test_git_repo_tricks_are_refused(node: Node, repository: Path, fields: dict[str, str]) -> None:
    source = GitRepoVolumeSource(**({"repository": f"file://{repository}"} | fields))
    with pytest.raises(VolumeError, match=r"gitRepo|git clone failed|git checkout failed"):
        await node.mount(Volume(name="g", git_repo=source))


async def test_without_git_the_error_says_what_is_missing(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gitrepo.shutil, "which", lambda name: None)
    with pytest.raises(VolumeError, match="git is not installed on this node"):
        await node.mount(Volume(name="g", git_repo=GitRepoVolumeSource(repository="https://example.org/x")))


async def test_one_bad_volume_does_not_stop_the_others(node: Node) -> None:
    good, bad = Volume(name="good"), Volume(name="bad", config_map=ConfigMapVolumeSource(name="none"))
    with pytest.raises(VolumeError, match='volume "bad"'):
        await node.mount(bad, good)
    assert (node.root / "pods/uid-1/volumes/kubernetes.io~empty-dir/good").is_dir()


async def test_mounting_and_unmounting_one_pod_take_turns(node: Node) -> None:
    volume = Volume(name="cfg", config_map=ConfigMapVolumeSource(name="cfg"))
    await asyncio.gather(*(node.volumes.mount(pod(volume)) for _ in range(5)), node.volumes.unmount("uid-1"))
    assert not (node.root / "pods/uid-1/volumes").exists()
