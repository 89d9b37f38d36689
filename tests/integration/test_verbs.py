"""dromon's own verbs: their output is kubectl's, letter by letter, where both have the command."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.kubectl

RC = """
apiVersion: v1
kind: ReplicationController
metadata: {name: nifty}
spec:
  replicas: 2
  selector: {App: Nifty}
  template:
    metadata: {labels: {App: Nifty}}
    spec: {containers: [{name: c, image: example/image:1}]}
"""


@pytest.fixture(scope="module")
def nifty(hollow_cluster: Any) -> str:
    """A namespace with a controller whose two pods are ready."""
    hollow_cluster.dromon("create", "namespace", "verbs")
    assert hollow_cluster.dromon("apply", "-n", "verbs", "-f", "-", stdin=RC).endswith("created\n")
    ready = "--for=jsonpath={.status.readyReplicas}=2"
    hollow_cluster.kubectl("wait", "-n", "verbs", ready, "rc/nifty", "--timeout=30s")
    return "verbs"


@pytest.mark.parametrize(
    "arguments",
    [
        ("pods", "-o", "wide"),
        ("pods", "-o", "name"),
        ("pods", "-o", "json"),
        ("pods", "-o", "yaml"),
        ("pods,rc",),
        ("rc/nifty", "-o", "json"),
        ("rc", "nifty", "-o", "wide"),
        ("pods", "-l", "App in (Nifty),!x", "--no-headers"),
        ("pods", "--show-labels"),
        ("nodes", "-o", "name"),
        ("endpointslices", "-A", "-o", "name"),
    ],
    ids=" ".join,
)
def test_get_prints_what_kubectl_prints(hollow_cluster: Any, nifty: str, arguments: tuple[str, ...]) -> None:
    command = ("get", *arguments, "-n", nifty)

    def both() -> tuple[str, str]:
        return hollow_cluster.dromon(*command), hollow_cluster.kubectl(*command)

    ours, theirs = both()
    if ours != theirs:  # an age may have moved on between the two
        ours, theirs = both()
    assert ours == theirs


def test_apply_scale_label_delete(hollow_cluster: Any, nifty: str) -> None:
    there = ("-n", nifty)
    assert hollow_cluster.dromon("apply", *there, "-f", "-", stdin=RC).endswith("unchanged\n")
    changed = RC.replace("metadata: {name: nifty}", "metadata: {name: nifty, labels: {x: y}}")
    assert hollow_cluster.dromon("apply", *there, "-f", "-", stdin=changed).endswith("configured\n")
    assert hollow_cluster.dromon("apply", *there, "-f", "-", stdin=RC).endswith("configured\n")
    labels = json.loads(hollow_cluster.dromon("get", "rc/nifty", *there, "-o", "json"))["metadata"]["labels"]
    assert labels == {"App": "Nifty"}
    scaled = hollow_cluster.dromon("scale", "rc", "nifty", *there, "--replicas=3")
    assert scaled == "replicationcontroller/nifty scaled\n"
    pod = hollow_cluster.dromon("get", "pods", *there, "-o", "name").split()[0]
    assert hollow_cluster.dromon("label", pod, *there, "tier=web") == f"{pod} labeled\n"
    assert hollow_cluster.dromon("label", pod, *there, "tier-") == f"{pod} unlabeled\n"
    name = pod.removeprefix("pod/")
    assert hollow_cluster.dromon("delete", pod, *there, "--now") == f'pod "{name}" deleted\n'


def test_describe_and_errors(hollow_cluster: Any, nifty: str) -> None:
    text = hollow_cluster.dromon("describe", "rc", "nifty", "-n", nifty)
    assert "Replicas:" in text
    assert "SuccessfulCreate" in text
    assert "Conditions:" in hollow_cluster.dromon("describe", "nodes")
    missing = hollow_cluster.run("dromon", "get", "pod", "none", "-n", nifty, ok=False)
    assert missing.returncode == 1
    assert missing.stderr == 'Error from server (NotFound): pods "none" not found\n'
    unknown = hollow_cluster.run("dromon", "get", "unicorns", ok=False)
    assert 'the server doesn\'t have a resource type "unicorns"' in unknown.stderr
