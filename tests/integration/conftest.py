"""A hollow cluster made by the real command, and real kubectl against it; shared by a session's tests."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import pytest

from dromon.testing.cluster import Cluster


@pytest.fixture(scope="session")
def hollow_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three hollow nodes."""
    cluster = Cluster(tmp_path_factory.mktemp("hollow"))
    cluster.up("--runtime", "hollow", "--nodes", "3")
    yield cluster
    cluster.down()


_numbers = itertools.count()


@pytest.fixture
def namespace(hollow_cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own, deleted (without waiting) after it."""
    words = re.sub("[^a-z0-9]+", "-", request.node.originalname.lower())
    name = f"t-{words[:40].rstrip('-')}-{next(_numbers)}"
    hollow_cluster.kubectl("create", "namespace", name)
    yield name
    hollow_cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def kubectl(hollow_cluster: Cluster, namespace: str) -> Callable[..., str]:
    """kubectl in the test's namespace."""

    def call(*arguments: str, stdin: str | None = None, ok: bool = True) -> str:
        return hollow_cluster.kubectl("-n", namespace, *arguments, stdin=stdin, ok=ok)

    return call
