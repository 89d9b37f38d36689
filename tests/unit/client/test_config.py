"""Kubeconfigs: what is written can be read, by us and with what kubectl's files have in them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from dromon.client import kubeconfig
from dromon.client.config import ClientConfig, ConfigError

FULL = ClientConfig(
    "https://127.0.0.1:6443", ca=b"CA", certificate=b"CERT", key=b"KEY", token='t"\\', namespace="x"
)


@pytest.mark.parametrize(
    "config",
    [
        FULL,
        ClientConfig("http://h:1"),
        ClientConfig("https://[::1]:1", token="t", insecure=True, server_name="n"),
        ClientConfig("https://a:1", others=("https://b:1", "https://c:1"), server_name="n"),
    ],
)
def test_round_trip(tmp_path: Path, config: ClientConfig) -> None:
    kubeconfig.write(tmp_path / "c", config)
    assert ClientConfig.load(tmp_path / "c") == config
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o600


def test_unchanged_files_are_left_alone_and_loose_modes_are_not(tmp_path: Path) -> None:
    path = tmp_path / "c"
    kubeconfig.write(path, FULL)
    inode = path.stat().st_ino
    kubeconfig.write(path, FULL)
    assert path.stat().st_ino == inode
    path.chmod(0o644)
    kubeconfig.write(path, FULL)
    assert path.stat().st_mode & 0o777 == 0o600


def test_files_and_contexts_as_kubectl_has_them(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(b"CA")
    (tmp_path / "token").write_text(" secret\n")
    content = {
        "current-context": "one",
        "clusters": [
            {"name": "c", "cluster": {"server": "https://h/base/", "certificate-authority": "ca.crt"}}
        ],
        "users": [
            {"name": "u", "user": {"tokenFile": "token"}},
            {"name": "v", "user": {"client-certificate-data": base64.b64encode(b"C").decode()}},
        ],
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "n"}},
            {"name": "two", "context": {"cluster": "c", "user": "v"}},
        ],
    }
    (tmp_path / "c").write_text(yaml.safe_dump(content))
    one = ClientConfig.load(tmp_path / "c")
    assert (one.ca, one.token, one.namespace) == (b"CA", "secret", "n")
    assert (one.host, one.port, one.tls, one.base_path) == ("h", 443, True, "/base")
    two = ClientConfig.load(tmp_path / "c", "two")
    assert (two.certificate, two.token, two.namespace) == (b"C", "", "default")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no mapping"),
        ("[1", "usable kubeconfig"),
        ("a: b", "no current-context"),
        ("current-context: x", "contexts has no 'x'"),
        ("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]", "clusters has no 'c'"),
        ("current-context: x\ncontexts: [{name: x}]", "context"),
        (
            "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c, cluster: "
            "{server: a, extensions: [{name: dromon.io/servers, extension: {servers: b}}]}}]",
            "no list of URLs",
        ),
    ],
)
def test_unusable_files_say_why(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c").write_text(text)
    with pytest.raises(ConfigError, match=message):
        ClientConfig.load(tmp_path / "c")


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="dromon up"):
        ClientConfig.load(tmp_path / "none")


def test_broken_certificates_say_so() -> None:
    with pytest.raises(ConfigError, match="certificates"):
        FULL.ssl_context()


def test_further_servers_are_an_extension_that_others_leave_alone(tmp_path: Path) -> None:
    config = ClientConfig("https://a:1", others=("https://b:1",))
    content = yaml.safe_load(kubeconfig.render(config))
    cluster = content["clusters"][0]["cluster"]
    assert cluster["server"] == "https://a:1"
    cluster["extensions"].insert(0, {"name": "minikube", "extension": {"version": "1"}})
    (tmp_path / "c").write_text(yaml.safe_dump(content))
    assert ClientConfig.load(tmp_path / "c").servers == ("https://a:1", "https://b:1")
