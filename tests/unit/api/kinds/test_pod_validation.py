"""Faults of pods: each names its field, with upstream's reason and text."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.api.errors import FieldError
from dromon.api.kinds import PODS
from dromon.api.types.pod import Pod
from dromon.api.types.status import DeleteOptions

Doc = dict[str, Any]


def make(spec: Doc) -> Pod:
    pod = msgspec.convert({"metadata": {"name": "x", "namespace": "default"}, "spec": spec}, Pod)
    PODS.strategy.default(pod)
    return pod


def faults(**spec: Any) -> list[FieldError]:
    """Faults of a pod whose container is fine unless given."""
    return PODS.strategy.validate(make({"containers": [{"name": "a", "image": "x"}], **spec}))


def of_container(**fields: Any) -> list[FieldError]:
    volumes = [{"name": "data", "emptyDir": {}}]
    return faults(containers=[{"name": "a", "image": "x", **fields}], volumes=volumes)


def one(found: list[FieldError]) -> str:
    (fault,) = found
    return str(fault)


def test_a_good_pod_has_no_faults() -> None:
    assert (
        faults(
            containers=[
                {
                    "name": "web",
                    "image": "nginx",
                    "ports": [{"name": "http", "containerPort": 80, "hostPort": 8080}],
                    "env": [
                        {"name": "A", "value": "b"},
                        {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a']"}}},
                        {"name": "L", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                        {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                    ],
                    "envFrom": [{"configMapRef": {"name": "c"}, "prefix": "P_"}],
                    "resources": {"limits": {"cpu": "1", "example.com/gpu": "1"}},
                    "volumeMounts": [{"name": "data", "mountPath": "/data", "subPath": "a/b"}],
                    "livenessProbe": {"tcpSocket": {"port": "http"}},
                    "readinessProbe": {"exec": {"command": ["true"]}},
                    "lifecycle": {"preStop": {"exec": {"command": ["true"]}}},
                    "securityContext": {"runAsUser": 1000, "privileged": True},
                }
            ],
            initContainers=[{"name": "side", "image": "x", "restartPolicy": "Always"}],
            volumes=[{"name": "data", "gitRepo": {"repository": "r"}}],
            nodeSelector={"disk": "ssd"},
            tolerations=[{"key": "a", "operator": "Exists"}, {"operator": "Exists"}],
            hostAliases=[{"ip": "10.0.0.1", "hostnames": ["a.b"]}],
            imagePullSecrets=[{"name": "s"}],
            affinity={
                "podAntiAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {
                            "labelSelector": {"matchLabels": {"a": "b"}},
                            "topologyKey": "kubernetes.io/hostname",
                        }
                    ]
                }
            },
        )
        == []
    )


CONTAINER_FAULTS: list[tuple[Doc, str]] = [
    ({"name": ""}, "name: Required value"),
    ({"name": "a.b"}, 'name: Invalid value: "a.b": must not contain dots'),
    ({"image": ""}, "image: Required value"),
    (
        {"image": "x "},
        'image: Invalid value: "x ": must not have leading or trailing whitespace',
    ),
    (
        {"imagePullPolicy": "Sometimes"},
        'imagePullPolicy: Unsupported value: "Sometimes": '
        'supported values: "Always", "IfNotPresent", "Never"',
    ),
    ({"ports": [{"containerPort": 0}]}, "ports[0].containerPort: Required value"),
    (
        {"ports": [{"containerPort": 65536}]},
        "ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive",
    ),
    (
        {"ports": [{"containerPort": 1, "name": "p"}, {"containerPort": 2, "name": "p"}]},
        'ports[1].name: Duplicate value: "p"',
    ),
    (
        {"ports": [{"containerPort": 1, "hostPort": 9}, {"containerPort": 2, "hostPort": 9}]},
        'ports[1].hostPort: Duplicate value: "TCP//9"',
    ),
    (
        {"ports": [{"containerPort": 1, "protocol": "XTP"}]},
        'ports[0].protocol: Unsupported value: "XTP": supported values: "SCTP", "TCP", "UDP"',
    ),
    ({"env": [{"name": ""}]}, "env[0].name: Required value"),
    (
        {"env": [{"name": "a=b"}]},
        'env[0].name: Invalid value: "a=b": a valid environment variable name must consist '
        "only of printable ASCII characters other than '='",
    ),
    (
        {"env": [{"name": "A", "valueFrom": {}}]},
        'env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, '
        "`resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
    ),
    (
        {"env": [{"name": "A", "value": "b", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
        'env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    ),
    (
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.secret"}}}]},
        'env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "spec.secret": supported '
        'values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", '
        '"spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
    ),
    (
        {"envFrom": [{}]},
        'envFrom[0]: Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
    ),
    (
        {"volumeMounts": [{"name": "other", "mountPath": "/x"}]},
        'volumeMounts[0].name: Not found: "other"',
    ),
    (
        {"volumeMounts": [{"name": "data", "mountPath": ""}]},
        "volumeMounts[0].mountPath: Required value",
    ),
    (
        {"volumeMounts": [{"name": "data", "mountPath": "/x"}] * 2},
        'volumeMounts[1].mountPath: Invalid value: "/x": must be unique',
    ),
    (
        {"volumeMounts": [{"name": "data", "mountPath": "/x", "subPath": "a/../b"}]},
        "volumeMounts[0].subPath: Invalid value: \"a/../b\": must not contain '..'",
    ),
    (
        {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}},
        'resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ),
    (
        {"resources": {"requests": {"cpu": "-1"}}},
        'resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
    ),
    (
        {"resources": {"requests": {"cpu": "much"}}},
        'resources.requests[cpu]: Invalid value: "much": quantities must match the regular '
        "expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ),
    (
        {"resources": {"requests": {"example.com/gpu": "1"}}},
        "resources.limits: Required value: Limit must be set for non overcommitable resources",
    ),
    ({"livenessProbe": {}}, "livenessProbe: Required value: must specify a handler type"),
    (
        {"livenessProbe": {"exec": {"command": ["x"]}, "successThreshold": 2}},
        "livenessProbe.successThreshold: Invalid value: 2: must be 1",
    ),
    (
        {"readinessProbe": {"httpGet": {"port": 80}, "tcpSocket": {"port": 80}}},
        "readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
    ),
    (
        {"readinessProbe": {"httpGet": {"port": "Bad"}}},
        'readinessProbe.httpGet.port: Invalid value: "Bad": must contain only alpha-numeric '
        "characters (a-z, 0-9), and hyphens (-)",
    ),
    (
        {"restartPolicy": "Always"},
        "restartPolicy: Forbidden: may not be set for non-init containers",
    ),
    (
        {"securityContext": {"runAsUser": -1}},
        "securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
    ),
]


@pytest.mark.parametrize(("fields", "text"), CONTAINER_FAULTS)
def test_faults_of_containers(fields: Doc, text: str) -> None:
    assert one(of_container(**fields)) == "spec.containers[0]." + text


SPEC_FAULTS: list[tuple[Doc, str]] = [
    ({"containers": []}, "spec.containers: Required value"),
    (
        {"containers": [{"name": "a", "image": "x"}] * 2},
        'spec.containers[1].name: Duplicate value: "a"',
    ),
    (
        {"initContainers": [{"name": "a", "image": "x"}]},
        'spec.initContainers[0].name: Duplicate value: "a"',
    ),
    (
        {"initContainers": [{"name": "i", "image": "x", "livenessProbe": {"tcpSocket": {"port": 1}}}]},
        "spec.initContainers[0].livenessProbe: Forbidden: "
        "may not be set for init containers without restartPolicy=Always",
    ),
    (
        {"ephemeralContainers": [{"name": "e", "image": "x"}]},
        "spec.ephemeralContainers: Forbidden: cannot be set on create",
    ),
    (
        {"restartPolicy": "Perhaps"},
        'spec.restartPolicy: Unsupported value: "Perhaps": supported values: "Always", "Never", "OnFailure"',
    ),
    (
        {"dnsPolicy": "None"},
        "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
    ),
    (
        {"activeDeadlineSeconds": 0},
        "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
    ),
    ({"volumes": [{"name": ""}]}, "spec.volumes[0].name: Required value"),
    ({"volumes": [{"name": "v"}, {"name": "v"}]}, 'spec.volumes[1].name: Duplicate value: "v"'),
    (
        {"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]},
        "spec.volumes[0].emptyDir: Forbidden: may not specify more than 1 volume type",
    ),
    ({"volumes": [{"name": "v", "hostPath": {"path": ""}}]}, "spec.volumes[0].hostPath.path: Required value"),
    (
        {"volumes": [{"name": "v", "secret": {"secretName": ""}}]},
        "spec.volumes[0].secret.secretName: Required value",
    ),
    (
        {"volumes": [{"name": "v", "configMap": {"name": "c", "defaultMode": 512}}]},
        "spec.volumes[0].configMap.defaultMode: Invalid value: 512: "
        "must be a number between 0 and 0777 (octal), both inclusive",
    ),
    (
        {"volumes": [{"name": "v", "configMap": {"name": "c", "items": [{"key": "k", "path": "../x"}]}}]},
        "spec.volumes[0].configMap.items[0].path: Invalid value: \"../x\": must not contain '..'",
    ),
    (
        {"volumes": [{"name": "v", "gitRepo": {"repository": ""}}]},
        "spec.volumes[0].gitRepo.repository: Required value",
    ),
    (
        {"tolerations": [{"operator": "Equal"}]},
        'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, '
        'which means "match all values and all keys"',
    ),
    (
        {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]},
        "spec.tolerations[0].operator: Invalid value: \"b\": value must be empty when `operator` is 'Exists'",
    ),
    (
        {"tolerations": [{"key": "a", "tolerationSeconds": 1, "effect": "NoSchedule"}]},
        'spec.tolerations[0].effect: Invalid value: "NoSchedule": '
        "effect must be 'NoExecute' when `tolerationSeconds` is set",
    ),
    (
        {
            "hostNetwork": True,
            "containers": [{"name": "a", "image": "x", "ports": [{"containerPort": 1, "hostPort": 2}]}],
        },
        "spec.containers[0].ports[0].containerPort: Invalid value: 1: "
        "must match `hostPort` when `hostNetwork` is true",
    ),
    ({"imagePullSecrets": [{}]}, "spec.imagePullSecrets[0].name: Required value"),
    (
        {"hostAliases": [{"ip": "nowhere"}]},
        'spec.hostAliases[0].ip: Invalid value: "nowhere": '
        "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
    ),
    (
        {
            "affinity": {
                "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
            }
        },
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: "
        "Required value: must have at least one node selector term",
    ),
    (
        {
            "topologySpreadConstraints": [
                {"maxSkew": 0, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}
            ]
        },
        "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
    ),
    (
        {"nodeName": "n", "schedulingGates": [{"name": "g"}]},
        "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared",
    ),
]


@pytest.mark.parametrize(("spec", "text"), SPEC_FAULTS)
def test_faults_of_specs(spec: Doc, text: str) -> None:
    assert one(faults(**spec)) == text


def test_all_faults_are_told_at_once() -> None:
    found = faults(containers=[{"name": "", "image": ""}, {"name": "", "image": ""}], restartPolicy="x")
    assert len(found) == 5


def updated(change: Any, **spec: Any) -> list[FieldError]:
    given = {"containers": [{"name": "a", "image": "x:1"}], **spec}
    old, new = make(given), make(given)
    change(new)
    return PODS.strategy.validate_update(new, old)


def test_images_deadlines_and_more_tolerations_may_change() -> None:
    def change(pod: Pod) -> None:
        extra = msgspec.convert({"spec": {"tolerations": [{"key": "b"}]}}, Pod).spec.tolerations
        pod.spec.containers[0].image = "x:2"
        pod.spec.active_deadline_seconds = 5
        pod.spec.tolerations = [*pod.spec.tolerations, *extra]
        pod.metadata.labels = {"a": "b"}

    assert updated(change, tolerations=[{"key": "a"}], activeDeadlineSeconds=10) == []


def test_anything_else_is_forbidden_and_named() -> None:
    def change(pod: Pod) -> None:
        pod.spec.node_name = "other"
        pod.spec.containers[0].command = ["x"]

    (fault,) = updated(change)
    assert (fault.path, fault.reason) == ("spec", "FieldValueForbidden")
    assert fault.message.startswith(
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    )
    assert fault.message.endswith("changed: spec.containers, spec.nodeName")


def test_containers_can_not_come_or_go() -> None:
    def change(pod: Pod) -> None:
        pod.spec.containers = pod.spec.containers * 2

    assert one(updated(change)) == "spec.containers: Forbidden: pod updates may not add or remove containers"


def test_deadlines_only_come_closer() -> None:
    def later(pod: Pod) -> None:
        pod.spec.active_deadline_seconds = 20

    def never(pod: Pod) -> None:
        pod.spec.active_deadline_seconds = None

    path = "spec.activeDeadlineSeconds: Invalid value: "
    assert one(updated(later, activeDeadlineSeconds=10)).startswith(path + "20: must be less than or equal")
    assert one(updated(never, activeDeadlineSeconds=10)).startswith(path + "null: must not update from")


def test_tolerations_stay() -> None:
    def change(pod: Pod) -> None:
        pod.spec.tolerations = []

    assert one(updated(change, tolerations=[{"key": "a"}])) == (
        "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"
    )


def test_an_update_keeps_the_status_and_a_status_update_the_spec() -> None:
    old, new = make({"containers": []}), make({"containers": []})
    old.status.phase, new.status.phase = "Running", "Failed"
    new.spec.node_name = "n"
    PODS.strategy.prepare_for_update(new, old)
    assert (new.status.phase, new.spec.node_name) == ("Running", "n")
    PODS.strategy.prepare_for_status_update(new, old)
    assert new.spec.node_name == ""


@pytest.mark.parametrize(
    ("policy", "exit_code", "allowed"),
    [("Always", 1, True), ("OnFailure", 1, True), ("OnFailure", 0, False), ("Never", 1, False)],
)
def test_a_container_that_ended_for_good_stays_ended(policy: str, exit_code: int, allowed: bool) -> None:
    def status(state: Doc) -> Pod:
        pod = make({"containers": [{"name": "a", "image": "x"}], "restartPolicy": policy})
        made = msgspec.convert({"status": {"containerStatuses": [{"name": "a", "state": state}]}}, Pod)
        pod.status = made.status
        return pod

    old, new = status({"terminated": {"exitCode": exit_code}}), status({"running": {}})
    assert (PODS.strategy.validate_status_update(new, old) == []) is allowed
    assert PODS.strategy.validate_status_update(old, old) == []


@pytest.mark.parametrize(
    ("spec", "phase", "asked", "wanted"),
    [
        ({"nodeName": "n"}, "Running", None, 30),
        ({"nodeName": "n", "terminationGracePeriodSeconds": 5}, "Running", None, 5),
        ({"nodeName": "n"}, "Running", 0, 0),
        ({"nodeName": "n"}, "Running", 7, 7),
        ({"nodeName": "n"}, "Running", -1, 1),
        ({}, "Pending", 7, 0),
        ({"nodeName": "n"}, "Succeeded", None, 0),
    ],
)
def test_grace_periods(spec: Doc, phase: str, asked: int | None, wanted: int) -> None:
    pod = make({"containers": [], **spec})
    pod.status.phase = phase
    assert PODS.strategy.grace_period(pod, DeleteOptions(grace_period_seconds=asked)) == wanted


texts = st.text(alphabet="aA.-/_ é", max_size=6)
containers = st.fixed_dictionaries(
    {
        "name": texts,
        "image": texts,
        "ports": st.lists(
            st.fixed_dictionaries(
                {"containerPort": st.integers(-1, 70000), "name": texts, "protocol": texts}
            ),
            max_size=2,
        ),
        "env": st.lists(st.fixed_dictionaries({"name": texts, "value": texts}), max_size=2),
        "resources": st.fixed_dictionaries(
            {
                k: st.dictionaries(st.sampled_from(["cpu", "memory", "x", "a/b"]), texts, max_size=2)
                for k in ("limits", "requests")
            }
        ),
        "volumeMounts": st.lists(st.fixed_dictionaries({"name": texts, "mountPath": texts}), max_size=2),
    }
)


@given(
    st.fixed_dictionaries(
        {"containers": st.lists(containers, max_size=2), "restartPolicy": texts, "hostname": texts}
    )
)
@settings(max_examples=100)
def test_no_pod_breaks_validation(spec: Doc) -> None:
    found = PODS.strategy.validate(make(spec))
    assert all(e.path.startswith("spec") and e.reason.startswith("FieldValue") for e in found)
