"""Portals of 10,000 services: one changes; how long until the kernel has it.

The budget (DESIGN, section 6) is 100 ms, the aim 20 ms. The kernel part needs root and runs in a network
namespace of its own.

Neighbours: dromon.proxy.rules and dromon.proxy.iptables are measured; run.py collects the figures.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

import pytest

from dromon.proxy import rules
from dromon.proxy.iptables import Executor
from dromon.proxy.model import Portal
from dromon.testing.netns import entered, namespace

SERVICES = 10_000
ENDPOINTS = 3
FIRST = IPv4Address("10.0.0.1")


def portal(number: int, version: int = 0) -> tuple[Portal, ...]:
    """The portals of service `number`; another version has other endpoints."""
    base = IPv4Address("10.1.0.2") + (number * ENDPOINTS + version * 7) % 65_000
    return (
        Portal(
            name=f"default/service-{number}:http",
            protocol="TCP",
            port=80,
            addresses=(str(FIRST + number * 6),),
            endpoints=tuple((str(base + index), 8080) for index in range(ENDPOINTS)),
        ),
    )


@pytest.fixture(scope="module")
def ruleset() -> rules.Ruleset:
    made = rules.Ruleset(rules.prefix("0000beef"), "10.1.0.0/16")
    made.update({f"default/service-{number}": portal(number) for number in range(SERVICES)})
    return made


def test_plan_one_change_among_10k_services(benchmark: Any, ruleset: rules.Ruleset) -> None:
    versions = itertools.count(1)
    benchmark(lambda: ruleset.update({"default/service-5000": portal(5000, next(versions))}))


def test_plan_one_service_coming_and_going_among_10k(benchmark: Any, ruleset: rules.Ruleset) -> None:
    def come_and_go() -> None:
        ruleset.update({"default/service-5000": ()})
        ruleset.update({"default/service-5000": portal(5000)})

    benchmark(come_and_go)


@pytest.fixture(scope="module")
def executor(ruleset: rules.Ruleset) -> Iterator[Executor]:
    if os.geteuid() != 0 or shutil.which("iptables") is None or shutil.which("ip") is None:
        pytest.skip("needs root, iptables and iproute2")
    with namespace("bench") as node, entered(node):
        made = Executor(rules.prefix("0000beef"))
        made.sync(ruleset.chains, None)
        yield made


def test_one_of_10k_services_changes_until_iptables_has_it(
    benchmark: Any, ruleset: rules.Ruleset, executor: Executor
) -> None:
    versions = itertools.count(1)

    def change() -> None:
        dirty = ruleset.update({"default/service-5000": portal(5000, next(versions))})
        assert executor.sync(ruleset.chains, dirty) == 1

    benchmark.pedantic(change, rounds=15, warmup_rounds=1)
    benchmark.extra_info |= {"services": SERVICES, "rules": sum(map(len, ruleset.chains.values()))}


def test_resync_of_10k_services(benchmark: Any, ruleset: rules.Ruleset, executor: Executor) -> None:
    benchmark.pedantic(lambda: executor.resync(ruleset.chains), rounds=3)
