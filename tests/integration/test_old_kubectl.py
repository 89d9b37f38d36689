"""kubectl 1.20, as Debian 12 packages it: it reads the protobuf form of OpenAPI and plain discovery."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any

import pytest

from dromon.testing.cluster import kubectl_minor

OLD = os.environ.get("DROMON_OLD_KUBECTL") or (shutil.which("kubectl") if kubectl_minor() == 20 else None)
"""Where a kubectl 1.20 is: named by the environment, or the only one on the machine."""

pytestmark = pytest.mark.skipif(OLD is None, reason="no kubectl 1.20 here (name one in DROMON_OLD_KUBECTL)")

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


def test_everyday_commands(hollow_cluster: Any) -> None:
    assert OLD is not None
    old: str = OLD

    def kubectl(*arguments: str, stdin: str | None = None) -> str:
        done: subprocess.CompletedProcess[str] = hollow_cluster.run(old, "-n", "old", *arguments, stdin=stdin)
        return done.stdout

    assert kubectl("create", "namespace", "old") == "namespace/old created\n"
    assert kubectl("create", "configmap", "x", "--from-literal=a=b") == "configmap/x created\n"
    assert kubectl("apply", "-f", "-", stdin=RC) == "replicationcontroller/nifty created\n"
    changed = RC.replace("replicas: 2", "replicas: 3")
    assert kubectl("apply", "-f", "-", stdin=changed) == "replicationcontroller/nifty configured\n"
    assert kubectl("run", "web", "--image=example/image:1") == "pod/web created\n"
    assert kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=30s") == "pod/web condition met\n"
    assert "Running" in kubectl("get", "pods", "-o", "wide")
    assert "FIELD:    restartPolicy <string>" in kubectl("explain", "pod.spec.restartPolicy")
    assert "replicationcontrollers" in kubectl("api-resources")
    assert "Successfully assigned" in kubectl("describe", "pod", "web")
    assert 'pod "web" deleted' in kubectl("delete", "pod", "web")
    assert kubectl("delete", "namespace", "old") == 'namespace "old" deleted\n'
