"""Paths to resources."""

from __future__ import annotations

import pytest

from dromon.api.errors import ApiError
from dromon.api.kinds import ENDPOINT_SLICES, NAMESPACES, NODES, PODS, RESOURCES
from dromon.apiserver.revisions import parse_revision
from dromon.apiserver.routes import Route, Router, flag, integer

router = Router(RESOURCES)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/v1/pods", Route(PODS)),
        ("/api/v1/namespaces/ns/pods", Route(PODS, "ns")),
        ("/api/v1/namespaces/ns/pods/", Route(PODS, "ns")),
        ("/api/v1/namespaces/ns/pods/p", Route(PODS, "ns", "p")),
        ("/api/v1/namespaces/ns/pods/p/status", Route(PODS, "ns", "p", "status")),
        ("/api/v1/pods/status", Route(PODS, "", "", "status")),
        ("/api/v1/namespaces", Route(NAMESPACES)),
        ("/api/v1/namespaces/ns", Route(NAMESPACES, "", "ns")),
        ("/api/v1/namespaces/ns/finalize", Route(NAMESPACES, "", "ns", "finalize")),
        ("/api/v1/namespaces/ns/status", Route(NAMESPACES, "", "ns", "status")),
        ("/api/v1/nodes/n1", Route(NODES, "", "n1")),
        ("/api/v1/watch/pods", Route(PODS, watch=True)),
        ("/apis/discovery.k8s.io/v1/namespaces/ns/endpointslices/x", Route(ENDPOINT_SLICES, "ns", "x")),
    ],
)
def test_resolves(path: str, route: Route) -> None:
    assert router.resolve(path) == route


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v2/pods",
        "/api/v1/things",
        "/api/v1/pods/p",
        "/api/v1/pods/p/status",
        "/api/v1/namespaces/ns/pods/p/nothing",
        "/api/v1/namespaces/ns/pods/p/status/more",
        "/api/v1/namespaces//pods",
        "/api/v1/namespaces/ns/pods/..",
        "/apis/discovery.k8s.io/v1",
        "/apis/nowhere/v1/pods",
        "/api/v1/namespaces/ns/nodes/n1",
        "/api/v1/watch",
    ],
)
def test_everything_else_is_404(path: str) -> None:
    with pytest.raises(ApiError) as refused:
        router.resolve(path)
    assert refused.value.code == 404


def test_parameters() -> None:
    assert (integer("limit", ""), integer("limit", "-5"), integer("limit", "07")) == (None, -5, 7)
    assert (parse_revision("rv", ""), parse_revision("rv", "0"), parse_revision("rv", "12")) == (None, 0, 12)
    assert [flag(v) for v in ("", "0", "false", "False", "1", "true", "yes")] == [False] * 4 + [True] * 3


@pytest.mark.parametrize("value", ["x", "1.5", "1_000", "\u0663", " 1", "9" * 19, "9" * 5000, "-" + "9" * 30])
def test_malformed_numbers(value: str) -> None:
    for parse in (integer, parse_revision):
        with pytest.raises(ApiError) as refused:
            parse("limit", value)
        assert refused.value.code == 400
