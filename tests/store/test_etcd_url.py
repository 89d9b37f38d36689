"""What an etcd URL may say, and what is said of one that is wrong."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dromon.store.etcd.url import EtcdConfig, parse
from dromon.store.interface import StoreError
from dromon.store.open import open_store


@pytest.mark.parametrize(
    ("url", "config"),
    [
        ("etcd://127.0.0.1:2379", EtcdConfig(("127.0.0.1:2379",))),
        ("etcd://a,b:1,[::1]:7,[::2]/", EtcdConfig(("a:2379", "b:1", "[::1]:7", "[::2]:2379"))),
        ("etcd://a?prefix=/x/y/&history=60", EtcdConfig(("a:2379",), prefix="/x/y", history=60.0)),
        ("etcds://a", EtcdConfig(("a:2379",), tls=True)),
        ("etcd://a?ca-file=/c%20a", EtcdConfig(("a:2379",), tls=True, ca_file="/c a")),
        (
            "etcds://a?ca-file=/c&cert-file=/d&key-file=/k",
            EtcdConfig(("a:2379",), tls=True, ca_file="/c", cert_file="/d", key_file="/k"),
        ),
    ],
)
def test_what_it_says(url: str, config: EtcdConfig) -> None:
    assert parse(urlsplit(url)) == config


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("etcd://", "'' is no host:port"),
        ("etcd://a,,b", "'' is no host:port"),
        ("etcd://a:b", "'b' is no port"),
        ("etcd://a:0", "'0' is no port"),
        ("etcd://a:70000", "'70000' is no port"),
        ("etcd://::1:2379", "'::1:2379' is no host:port"),
        ("etcd://u:p@a", "users and passwords are not supported"),
        ("etcd://a/registry", "only options may follow"),
        ("etcd://a?timeout=3", "no option is called 'timeout'"),
        ("etcd://a?prefix=", "option prefix is empty"),
        ("etcd://a?prefix=x", "prefix 'x' must begin with /"),
        ("etcd://a?prefix=/x&prefix=/y", "given twice"),
        ("etcd://a?prefix", "bad query field"),
        ("etcd://a?history=soon", "history 'soon' is not a number of seconds"),
        ("etcd://a?history=nan", "history 'nan' is not a number of seconds"),
        ("etcds://a?cert-file=/c", "cert-file and key-file go together"),
    ],
)
def test_what_is_wrong_is_named(url: str, why: str) -> None:
    with pytest.raises(StoreError) as refusal:
        open_store(url)
    assert why in str(refusal.value)
    assert "etcd://host:2379" in str(refusal.value)


def test_a_file_that_can_t_be_read_is_named(tmp_path: Path) -> None:
    config = EtcdConfig(("a:1",), tls=True, ca_file=str(tmp_path / "none"))
    with pytest.raises(StoreError, match=r"ca-file .*/none: No such file"):
        config.certificates()
