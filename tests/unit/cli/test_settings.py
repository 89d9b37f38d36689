"""Settings of a cluster, and the components that follow from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from dromon.cli.datadir import DataDir
from dromon.cli.leaving import leaving
from dromon.cli.settings import Settings, resolve
from dromon.cli.topology import Host, node_names, plan, stages

HOST = Host("host", "192.0.2.7")


def test_flags_win_over_the_last_start_and_that_over_defaults() -> None:
    recorded = {"runtime": "hollow", "nodes": 3, "port": 7000, "unknown": 1}
    settings = resolve({"runtime": "hollow", "nodes": None, "port": 8000}, recorded)
    assert (settings.nodes, settings.port, settings.pod_cidr) == (3, 8000, "10.1.0.0/16")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"nodes": 0}, "--nodes"),
        ({"port": 70000}, "--port"),
        ({"hollow": "nodes=3"}, "NAME is one of cpu"),
        ({"hollow": "seed=x"}, "'x' is no int"),
        ({"hollow": "events=maybe"}, "is no bool"),
        ({"hollow": "start-seconds=soon"}, "no distribution"),
        ({"pod_cidr": "10.1.0.1/16"}, "--pod-cidr"),
        ({"service_cidr": "nonsense"}, "--service-cidr"),
        ({"pod_cidr": "10.0.0.0/8"}, "overlap"),
        ({"nodes": 257, "pod_cidr": "10.1.0.0/16"}, "room for 256 nodes"),
        ({"nodes": 32769}, "room for 32768 nodes"),
        ({"runtime": "docker"}, "another --data-dir"),
    ],
)
def test_what_cannot_be_is_refused_with_advice(flags: dict[str, Any], message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        resolve(flags, {"runtime": "hollow"})


@pytest.mark.parametrize(
    ("flags", "recorded", "network"),
    [
        ({"nodes": 256}, {}, "10.1.0.0/16"),
        ({"nodes": 257}, {}, "10.16.0.0/12"),
        ({"nodes": 4097}, {}, "10.128.0.0/9"),
        ({"nodes": 257}, {"runtime": "hollow", "pod_cidr": "10.1.0.0/16"}, "10.16.0.0/12"),
        ({}, {"runtime": "hollow", "nodes": 257, "pod_cidr": "10.16.0.0/12"}, "10.16.0.0/12"),
        ({"nodes": 3}, {"runtime": "hollow", "nodes": 257, "pod_cidr": "10.16.0.0/12"}, "10.16.0.0/12"),
        ({"nodes": 257}, {"runtime": "hollow", "pod_cidr": "172.16.0.0/12"}, "172.16.0.0/12"),
        ({"nodes": 257, "pod_cidr": "172.16.0.0/12"}, {"runtime": "hollow"}, "172.16.0.0/12"),
    ],
)
def test_the_pod_network_has_a_subnet_for_every_node(
    flags: dict[str, Any], recorded: dict[str, Any], network: str
) -> None:
    assert resolve({"runtime": "hollow", **flags}, recorded).pod_cidr == network


def test_real_nodes_keep_the_network_that_they_route_by() -> None:
    recorded = {"runtime": "docker", "pod_cidr": "10.1.0.0/16"}
    with pytest.raises(click.UsageError, match="room for 256 nodes"):
        resolve({"runtime": "docker", "nodes": 257}, recorded)


@pytest.mark.parametrize(
    ("bind", "server"),
    [
        ("127.0.0.1", "https://127.0.0.1:6443"),
        ("0.0.0.0", "https://127.0.0.1:6443"),
        ("::1", "https://[::1]:6443"),
    ],
)
def test_the_server_as_clients_reach_it(bind: str, server: str) -> None:
    assert Settings(bind=bind).server == server


def test_first_service_address() -> None:
    assert Settings(service_cidr="10.96.0.0/12").first_service_ip == "10.96.0.1"


@pytest.mark.parametrize(
    ("settings", "names", "nodes"),
    [
        (
            Settings(runtime="hollow", nodes=3),
            ["apiserver", "scheduler", "controller-manager", "hollow"],
            ["node-1", "node-2", "node-3"],
        ),
        (
            Settings(runtime="docker"),
            ["apiserver", "scheduler", "controller-manager", "kubelet", "proxy"],
            ["host"],
        ),
        (
            Settings(runtime="docker", nodes=2),
            ["apiserver", "scheduler", "controller-manager", "kubelet-node-1", "kubelet-node-2", "proxy"],
            ["node-1", "node-2"],
        ),
    ],
)
def test_plan_names_every_component_and_fits_its_config(
    tmp_path: Path, settings: Settings, names: list[str], nodes: list[str]
) -> None:
    parts = plan(settings, DataDir(tmp_path), HOST)
    assert [part.name for part in parts] == names
    assert node_names(settings, HOST) == nodes
    for part in parts:
        part.type.config_class()(**part.values)  # a field that does not exist is a TypeError


def test_stopping_begins_with_what_started_last(tmp_path: Path) -> None:
    order = [
        [p.name for p in stage] for stage in stages(plan(Settings(runtime="docker"), DataDir(tmp_path), HOST))
    ]
    assert order == [["kubelet", "proxy"], ["scheduler", "controller-manager"], ["apiserver"]]


def test_the_store_may_be_elsewhere(tmp_path: Path) -> None:
    directory = DataDir(tmp_path)
    assert plan(Settings(), directory, HOST)[0].values["store_url"] == f"sqlite://{tmp_path}/db.sqlite"
    assert plan(Settings(store="memory://"), directory, HOST)[0].values["store_url"] == "memory://"


@pytest.mark.parametrize(
    ("recorded", "settings", "names"),
    [
        ({}, Settings(runtime="hollow", nodes=1), []),
        ({"runtime": "hollow", "nodes": 3}, Settings(runtime="hollow", nodes=3), []),
        ({"runtime": "hollow", "nodes": 3}, Settings(runtime="hollow", nodes=1), ["node-2", "node-3"]),
        ({"runtime": "docker"}, Settings(runtime="docker", nodes=2), ["host"]),
        (
            {"runtime": "hollow", "nodes": 2, "leaving": ["node-2", "node-3"]},
            Settings(runtime="hollow", nodes=2),
            ["node-3"],
        ),
    ],
)
def test_nodes_that_are_no_longer_asked_for(
    recorded: dict[str, Any], settings: Settings, names: list[str]
) -> None:
    assert leaving(recorded, settings, HOST) == names


def test_simulated_nodes_are_told_what_up_was_told(tmp_path: Path) -> None:
    settings = Settings(runtime="hollow", hollow="seed=7, start-seconds=uniform:0:2,events=no", bulk=False)
    parts = {part.name: part.values for part in plan(settings, DataDir(tmp_path), HOST)}
    hollow = parts["hollow"]
    assert (hollow["seed"], hollow["start_seconds"], hollow["events"]) == (7, "uniform:0:2", False)
    assert parts["apiserver"]["bulk"] is False
