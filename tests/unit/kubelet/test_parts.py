"""Small pure parts: image policies, status patches, privileges, sub-paths, log options, the node's status."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dromon.api import times
from dromon.api.errors import ApiError
from dromon.api.types.container import Container, VolumeMount
from dromon.api.types.node import NodeStatus, NodeSystemInfo
from dromon.api.types.pod import Pod, PodSpec
from dromon.api.types.pod_status import PodCondition, PodIP, PodStatus
from dromon.api.types.security import PodSecurityContext, SecurityContext
from dromon.base.http.messages import Request
from dromon.kubelet.env import ConfigError
from dromon.kubelet.files import PodFiles, identity, subpath
from dromon.kubelet.images import pull_policy, valid_reference
from dromon.kubelet.node import NodeFacts, node_status, same_status
from dromon.kubelet.runtime.interface import Image
from dromon.kubelet.server.logs import log_options
from dromon.kubelet.spec import file_binds, privileges, volume_binds
from dromon.kubelet.statuspatch import status_patch


@pytest.mark.parametrize(
    ("image", "policy", "result"),
    [
        ("a", "", "Always"),
        ("a:latest", "", "Always"),
        ("a:1", "", "IfNotPresent"),
        ("host:5000/a", "", "Always"),
        ("a@sha256:" + "0" * 64, "", "IfNotPresent"),
        ("a", "Never", "Never"),
    ],
)
def test_pull_policies(image: str, policy: str, result: str) -> None:
    assert pull_policy(image, policy) == result


@pytest.mark.parametrize(
    ("image", "valid"),
    [
        ("busybox", True),
        ("dromon.local/busybox:1", True),
        ("host:5000/a/b_c:v1.2", True),
        ("Upper", False),
        ("a b", False),
        ("", False),
        ("a:", False),
    ],
)
def test_image_names(image: str, valid: bool) -> None:
    assert valid_reference(image) is valid


def test_a_patch_names_only_what_changed() -> None:
    ready = PodCondition(type="Ready", status="True", reason="x")
    old = PodStatus(
        phase="Pending", message="m", conditions=[ready, PodCondition(type="mine", status="True")]
    )
    new = PodStatus(phase="Running", conditions=[PodCondition(type="Ready", status="False")])
    assert status_patch(old, new) == {
        "phase": "Running",
        "message": None,
        "conditions": [{"type": "Ready", "status": "False", "reason": None}],
    }
    assert status_patch(new, new) == {}


def test_lists_with_merge_keys_are_replaced() -> None:
    old, new = PodStatus(pod_ips=[PodIP(ip="10.1.0.2")]), PodStatus(pod_ips=[PodIP(ip="10.1.0.3")])
    assert status_patch(old, new) == {"podIPs": [{"ip": "10.1.0.3"}, {"$patch": "replace"}]}
    assert status_patch(new, PodStatus()) == {"podIPs": None}


def pod(shared: PodSecurityContext | None = None) -> Pod:
    return Pod(spec=PodSpec(security_context=shared))


def test_the_containers_security_context_wins() -> None:
    shared = PodSecurityContext(run_as_user=1, run_as_group=2, fs_group=3, supplemental_groups=[4])
    own = Container(name="c", security_context=SecurityContext(run_as_user=9, privileged=True))
    made = privileges(pod(shared), own, Image("i"))
    assert (made.user, made.groups, made.privileged) == ("9:2", ("4", "3"), True)
    assert privileges(pod(), Container(name="c"), Image("i")).user == ""


@pytest.mark.parametrize(("user", "refused"), [("", True), ("root", True), ("app", True), ("7", False)])
def test_run_as_non_root_is_held(user: str, refused: bool) -> None:
    shared = PodSecurityContext(run_as_non_root=True)
    if refused:
        with pytest.raises(ConfigError, match="runAsNonRoot"):
            privileges(pod(shared), Container(name="c"), Image("i", user=user))
    else:
        assert privileges(pod(shared), Container(name="c"), Image("i", user=user)).user == ""


def test_binds_of_volumes_and_files(tmp_path: Path) -> None:
    mounts = [
        VolumeMount(name="v", mount_path="/data", sub_path_expr="$(NAME)/x", read_only=True),
        VolumeMount(name="v", mount_path="/etc/hosts"),
    ]
    container = Container(name="c", volume_mounts=mounts)
    first, second = volume_binds(container, {"v": str(tmp_path)}, {"NAME": "web"})
    assert first.source == str(tmp_path / "web" / "x")
    assert first.read_only
    assert second.source == str(tmp_path)
    own = file_binds(container, {"/etc/hosts": "h", "/etc/resolv.conf": "r"})
    assert [b.target for b in own] == ["/etc/resolv.conf"]
    with pytest.raises(ConfigError, match="no volume"):
        volume_binds(Container(name="c", volume_mounts=[VolumeMount(name="w", mount_path="/")]), {}, {})


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "link/x"])
def test_a_sub_path_stays_in_its_volume(tmp_path: Path, path: str) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "link").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="subPath"):
        subpath(str(volume), path)


def test_a_sub_path_has_the_mode_of_its_volume(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    volume.chmod(0o2777)
    assert subpath(str(volume), "a/b") == str(volume / "a" / "b")
    assert [oct(p.stat().st_mode & 0o7777) for p in (volume / "a", volume / "a" / "b")] == ["0o2777"] * 2


def test_pod_files_are_removed_with_the_pod(tmp_path: Path) -> None:
    files = PodFiles(str(tmp_path))
    files.write("u1", "etc-hosts", "x")
    Path(files.make_message("u1", "c", 0)).write_text("last words")
    assert files.message("u1", "c", 0) == "last words"
    assert files.message("u1", "c", 1) == ""
    files.remove("u1")
    assert not (tmp_path / "pods" / "u1").exists()


def test_an_identity_is_made_once(tmp_path: Path) -> None:
    assert identity(str(tmp_path), create=False) == ""
    made = identity(str(tmp_path), create=True)
    assert made == identity(str(tmp_path), create=False) == identity(str(tmp_path), create=True)


def test_an_empty_identity_is_none(tmp_path: Path) -> None:
    (tmp_path / "cluster-id").write_text("")
    assert identity(str(tmp_path), create=False) == ""
    assert identity(str(tmp_path), create=True) != ""


def test_a_new_root_directory_is_private(tmp_path: Path) -> None:
    identity(str(tmp_path / "node"), create=True)
    assert (tmp_path / "node").stat().st_mode & 0o077 == 0


def request(query: str) -> Request:
    pairs = [p.split("=", 1) for p in query.split("&") if p]
    return cast(Request, SimpleNamespace(params={k: [v] for k, v in pairs}))


def test_log_options() -> None:
    made = log_options(request("follow=true&tailLines=3&sinceSeconds=5&timestamps=true&limitBytes=9"), 100.0)
    assert (made.follow, made.tail, made.since, made.timestamps, made.limit_bytes) == (True, 3, 95.0, True, 9)
    assert log_options(request("sinceTime=1970-01-01T00:01:00Z"), 100.0).since == 60.0
    for bad in ("tailLines=-1", "sinceTime=yesterday"):
        with pytest.raises(ApiError) as refused:
            log_options(request(bad), 100.0)
        assert refused.value.code == 400


def facts(**more: Any) -> NodeFacts:
    info = NodeSystemInfo(operating_system="linux", architecture="amd64")
    return NodeFacts("n", "n", "10.0.0.1", 10250, info, {"cpu": "2"}, {"cpu": "2"}, **more)


def test_the_nodes_conditions_keep_their_transition_times() -> None:
    first = node_status(facts(not_ready="no network"), NodeStatus(), 1_700_000_000)
    again = node_status(facts(not_ready="no network"), first, 1_700_000_100)
    assert same_status(first, again)
    ready = next(c for c in again.conditions if c.type == "Ready")
    assert (ready.status, ready.message) == ("False", "no network")
    assert ready.last_transition_time == times.format(1_700_000_000)
    assert ready.last_heartbeat_time == times.format(1_700_000_100)
    up = node_status(facts(), again, 1_700_000_200)
    assert not same_status(again, up)
    assert {c.type: c.status for c in up.conditions}["Ready"] == "True"


def test_pressure_is_told() -> None:
    made = node_status(facts(pressure={"DiskPressure": "3 % left"}), NodeStatus(), 1_700_000_000)
    disk = next(c for c in made.conditions if c.type == "DiskPressure")
    assert (disk.status, disk.message) == ("True", "3 % left")
