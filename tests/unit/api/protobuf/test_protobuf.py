"""Protobuf forms: every struct has its fields, round trips lose nothing, the bytes are upstream's."""

from __future__ import annotations

import importlib
import pkgutil
import typing
from typing import Any

import msgspec
import pytest

import dromon.api.types as types_package
from dromon.api import protobuf
from dromon.api.protobuf import convert, schema
from dromon.api.types.base import Api
from dromon.api.types.config import ConfigMap, Secret
from dromon.api.types.coordination import Lease
from dromon.api.types.pod import Pod
from dromon.api.types.status import DeleteOptions

NO_MESSAGE = {"Table", "TableColumnDefinition", "TableRow", "TableRowCondition"}
# Types' names travel in the envelope; the last field is newer than the field numbers that we have.
NOT_ON_THE_WIRE = {"kind", "apiVersion", "runningInUserNamespace"}


def all_structs() -> list[type[Api]]:
    found = []
    for info in pkgutil.iter_modules(types_package.__path__):
        module = importlib.import_module(f"{types_package.__name__}.{info.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Api) and value.__module__ == module.__name__:
                found.append(value)
    return [s for s in found if s is not Api and s.__name__ not in NO_MESSAGE and not _discovery(s)]


def _discovery(struct: type[Api]) -> bool:
    """Aggregated discovery is answered in JSON alone."""
    return struct.__module__.endswith(".aggregated")


def _documents(struct: type[Api]) -> bool:
    """Discovery's documents are answered in JSON alone, too."""
    return struct.__module__.endswith(".discovery_api")


@pytest.mark.parametrize("struct", all_structs(), ids=lambda s: s.__name__)
def test_every_field_has_a_number(struct: type[Api]) -> None:
    names = set(_wire_names(convert.message_name(struct)))
    fields = {f.encode_name for f in msgspec.structs.fields(struct)} - NOT_ON_THE_WIRE
    if struct.__name__ == "Status":
        names.add("kind")
    assert fields <= names, fields - names


def _wire_names(message: str) -> list[str]:
    names: list[str] = []
    package = message.rsplit(".", 1)[0]
    for wire, (_, text) in schema.facts()[message].items():
        names.append(wire)
        inner = schema.resolve(text, package)
        if inner in schema.facts():
            names.extend(schema.facts()[inner])
    return names


POD: dict[str, Any] = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {
        "name": "web",
        "namespace": "default",
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "labels": {"app": "Nifty"},
        "managedFields": [{"manager": "m", "fieldsV1": {"f:metadata": {}}}],
    },
    "spec": {
        "containers": [
            {
                "name": "c",
                "image": "i",
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}},
                "readinessProbe": {"httpGet": {"port": "http", "path": "/"}, "periodSeconds": 3},
                "livenessProbe": {"tcpSocket": {"port": 80}},
                "env": [{"name": "K", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "k"}}}],
                "securityContext": {"privileged": False},
            }
        ],
        "ephemeralContainers": [{"name": "e", "image": "b", "targetContainerName": "c"}],
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "s", "secret": {"secretName": "x"}}],
        "terminationGracePeriodSeconds": 0,
        "hostNetwork": True,
    },
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}


def test_pod_round_trip_keeps_every_field() -> None:
    pod = msgspec.convert(POD, Pod)
    again = protobuf.decode(protobuf.encode(pod), Pod)
    assert again == pod


def test_times_keep_their_precision() -> None:
    lease = msgspec.convert({"spec": {"renewTime": "2026-01-02T03:04:05.000007Z"}}, Lease)
    assert protobuf.decode(protobuf.encode(lease), Lease).spec.renew_time == "2026-01-02T03:04:05.000007Z"
    offset = msgspec.convert({"metadata": {"creationTimestamp": "2026-01-02T05:04:05+02:00"}}, Pod)
    assert protobuf.decode(protobuf.encode(offset), Pod).metadata.creation_timestamp == "2026-01-02T03:04:05Z"


def test_binary_data_is_bytes_on_the_wire() -> None:
    secret = Secret(data={"k": b"\x00\xff"})
    assert b"\x00\xff" in protobuf.encode(secret)
    assert protobuf.decode(protobuf.encode(secret), Secret).data == {"k": b"\x00\xff"}


def test_bytes_are_those_of_upstream() -> None:
    config = ConfigMap(data={"a": "b"})
    config.metadata.name = "x"
    # magic, Unknown{1: TypeMeta{1: "v1", 2: "ConfigMap"}, 2: raw}; raw = {1: ObjectMeta, 2: {"a": "b"}}
    raw = b"\x0a\x03\x0a\x01x" + b"\x12\x06\x0a\x01a\x12\x01b"
    expected = b"k8s\x00" + b"\x0a\x0f\x0a\x02v1\x12\x09ConfigMap" + b"\x12" + bytes([len(raw)]) + raw
    assert protobuf.encode(config) == expected
    assert protobuf.decode(expected, ConfigMap) == config


def test_zero_values_of_pointers_are_kept_and_absent_ones_stay_absent() -> None:
    options = DeleteOptions(grace_period_seconds=0)
    again = protobuf.decode(protobuf.encode(options), DeleteOptions)
    assert again.grace_period_seconds == 0
    assert again.orphan_dependents is None


@pytest.mark.parametrize("data", [b"", b"k8s", b"{}", b"k8s\x00\xff", b"k8s\x00\x12\x05\xff\xff\xff\xff\xff"])
def test_malformed_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(protobuf.MalformedProtobuf):
        protobuf.decode(data, Pod)


def filled(hint: Any, inside: tuple[Any, ...] = ()) -> Any:
    """A value of a type with every field set, but for what travels in the envelope; recursion ends unset."""
    if typing.get_origin(hint) is typing.Annotated:
        hint, *meta = typing.get_args(hint)
        if hint is str and any(isinstance(m, msgspec.Meta) for m in meta):
            return "2026-01-02T03:04:05Z"
    if isinstance(hint, type) and issubclass(hint, Api):
        types = typing.get_type_hints(hint, include_extras=True)
        if getattr(hint(), "kind", ""):
            types = {n: t for n, t in types.items() if n not in ("kind", "api_version")}
        return hint(**{n: filled(t, (*inside, hint)) for n, t in types.items() if _told(n, t, inside)})
    simple = {str: "7", int: 7, bool: True, bytes: b"7", float: 7.5, Any: {"a": 7}}
    if hint in simple:
        return simple[hint]
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is list:
        return [filled(args[0], inside)]
    if origin is dict:
        return {"k": filled(args[1], inside)}
    return filled(args[1] if args[0] is type(None) else args[0], inside)


def _told(name: str, hint: Any, inside: tuple[Any, ...]) -> bool:
    again = any(arg in inside for arg in (hint, *typing.get_args(hint)))
    return not again and name != "running_in_user_namespace"


@pytest.mark.parametrize("struct", [s for s in all_structs() if not _documents(s)], ids=lambda s: s.__name__)
def test_a_round_trip_keeps_every_field(struct: type[Api]) -> None:
    obj = filled(struct)
    message = schema.message_class(convert.message_name(struct))()
    convert.fill(message, obj)
    sent = schema.message_class(convert.message_name(struct)).FromString(message.SerializeToString())
    again = convert.make(struct, sent)
    assert _plain(again) == _plain(obj)


def _plain(obj: Api) -> Any:
    # A MicroTime's six digits are put back where a client left them out.
    return msgspec.json.decode(msgspec.json.encode(obj).replace(b".000000Z", b"Z"))
