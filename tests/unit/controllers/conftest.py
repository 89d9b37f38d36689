"""An in-memory API, and informers that show its changes when a test says so: any order can be had."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec
import pytest

from dromon.api import errors, kinds, times
from dromon.api.patch import merge, strategic
from dromon.api.resource import Resource
from dromon.api.types.config import ConfigMap
from dromon.api.types.meta import OwnerReference
from dromon.api.types.pod import Pod
from dromon.api.types.service import Service, ServicePort, ServiceSpec
from dromon.api.types.workload import PodTemplateSpec, ReplicationController, ReplicationControllerSpec
from dromon.base.http.client import ClientResponse
from dromon.base.http.messages import Headers
from dromon.client import bulk
from dromon.client.rest import ListResult
from dromon.client.store import IndexedStore
from dromon.client.workqueue import WorkQueue
from dromon.controllers import views
from dromon.controllers.config import ControllerManagerConfig
from dromon.controllers.controller import Context, Controller
from dromon.controllers.indexes import INDEXES
from dromon.testing.clock import FakeClock

Place = tuple[str, str, str]
FULL = {r.plural: r for r in kinds.RESOURCES}
GRACEFUL = {"pods"}


class FakeApi:
    """What the client of a real API offers, over a dict.

    Attributes:
        calls: (verb, plural, name) of every request, in order.
        lacks: extensions that it does not have: there are no bulk verbs here.
        fail: asked before each request; what it returns is raised.
        log: every change, for the informers.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.objects: dict[Place, dict[str, Any]] = {}
        self.calls: list[tuple[str, str, str]] = []
        self.lacks = set(bulk.VERBS)
        self.log: list[tuple[str, str, dict[str, Any]]] = []
        self.fail: Callable[[str, str, str], Exception | None] = lambda verb, plural, name: None
        self.after: Callable[[str, str, dict[str, Any]], None] = lambda verb, plural, obj: None
        self._revision = 100
        self._serial = 0

    # What tests ask.

    def all(self, resource: Resource[Any], namespace: str = "") -> list[Any]:
        """Every object of a resource, typed in full."""
        full = FULL[resource.plural]
        places = sorted(p for p in self.objects if p[0] == resource.plural and namespace in ("", p[1]))
        return [msgspec.convert(self.objects[p], full.struct) for p in places]

    def one(self, resource: Resource[Any], name: str, namespace: str = "") -> Any:
        """One object typed in full, None where there is none."""
        found = self.objects.get((resource.plural, namespace, name))
        return None if found is None else msgspec.convert(found, FULL[resource.plural].struct)

    def count(self, verb: str, plural: str) -> int:
        """Requests so far."""
        return sum((v, p) == (verb, plural) for v, p, _ in self.calls)

    def put(self, obj: Any) -> Any:
        """Place an object (or replace it) without asking `fail`."""
        plain = msgspec.to_builtins(obj)
        resource = next(r for r in kinds.RESOURCES if r.kind == obj.kind)
        old = self.objects.get(self._place(resource, plain))
        self._stamp(plain, old)
        self._store(resource.plural, plain, "ADDED" if old is None else "MODIFIED")
        return msgspec.convert(plain, resource.struct)

    def drop(self, resource: Resource[Any], name: str, namespace: str = "") -> None:
        """Take an object out, whatever its finalizers."""
        gone = self.objects.pop((resource.plural, namespace, name), None)
        if gone is not None:
            self._revision += 1
            gone["metadata"]["resourceVersion"] = str(self._revision)
            self.log.append(("DELETED", resource.plural, gone))

    # What controllers ask.

    async def get(self, resource: Resource[Any], name: str, namespace: str = "") -> Any:
        self._call("get", resource, name)
        return self._typed(resource, self._need(resource, name, namespace))

    async def list(
        self, resource: Resource[Any], namespace: str = "", *, limit: int = 0, continue_: str = "", **_: Any
    ) -> ListResult[Any]:
        self._call("list", resource, "")
        places = sorted(p for p in self.objects if p[0] == resource.plural and namespace in ("", p[1]))
        start = int(continue_ or 0)
        end = start + limit if limit else len(places)
        items = [self._typed(resource, self.objects[p]) for p in places[start:end]]
        return ListResult(items, str(self._revision), str(end) if end < len(places) else "")

    async def create(self, resource: Resource[Any], obj: Any, *, namespace: str = "") -> Any:
        plain = msgspec.to_builtins(obj)
        meta = plain["metadata"]
        if not meta.get("name"):
            self._serial += 1
            meta["name"] = meta["generateName"] + f"{self._serial:05d}"
        self._call("create", resource, meta["name"])
        place = self._place(resource, plain)
        if place in self.objects:
            raise errors.already_exists(resource.plural, resource.group, meta["name"])
        self._stamp(plain, None)
        self._store(resource.plural, plain, "ADDED")
        self.after("create", resource.plural, plain)
        return self._typed(resource, plain)

    async def update(self, resource: Resource[Any], obj: Any, *, subresource: str = "") -> Any:
        plain = msgspec.to_builtins(obj)
        name, namespace = plain["metadata"]["name"], plain["metadata"].get("namespace", "")
        self._call("update", resource, name)
        old = self._need(resource, name, namespace)
        if plain["metadata"].get("resourceVersion") not in (None, old["metadata"]["resourceVersion"]):
            raise errors.conflict(resource.plural, resource.group, name)
        if subresource == "status":
            plain = {**old, "status": plain.get("status", {})}
        return self._write(resource, copy.deepcopy(plain), old)

    async def patch(
        self,
        resource: Resource[Any],
        name: str,
        namespace: str,
        patch: Any,
        *,
        kind: str = "strategic",
        subresource: str = "",
    ) -> Any:
        self._call("patch", resource, name)
        old = self._need(resource, name, namespace)
        change = msgspec.to_builtins(patch)
        meta = change.get("metadata", {})
        for key in ("uid", "resourceVersion"):
            if meta.get(key) not in (None, old["metadata"][key]):
                raise errors.conflict(resource.plural, resource.group, name)
        if kind == "merge":
            new = merge.apply(copy.deepcopy(old), change)
        else:
            new = strategic.apply(copy.deepcopy(old), change, FULL[resource.plural].struct)
        return self._write(resource, new, old)

    async def delete(
        self,
        resource: Resource[Any],
        name: str,
        namespace: str = "",
        *,
        grace_period: int | None = None,
        propagation: str = "",
        uid: str = "",
        resource_version: str = "",
    ) -> None:
        self._call("delete", resource, name)
        old = self._need(resource, name, namespace)
        if uid not in ("", old["metadata"]["uid"]):
            raise errors.conflict(resource.plural, resource.group, name)
        if resource_version not in ("", old["metadata"]["resourceVersion"]):
            raise errors.conflict(resource.plural, resource.group, name)
        new = copy.deepcopy(old)
        finalizers = new["metadata"].setdefault("finalizers", [])
        extra = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(propagation)
        if extra is not None and extra not in finalizers:
            finalizers.append(extra)
        bound = new.get("spec", {}).get("nodeName")
        graceful = resource.plural in GRACEFUL and grace_period != 0 and bound
        if finalizers or graceful:
            new["metadata"].setdefault("deletionTimestamp", times.format(self.clock.now()))
            new["metadata"].setdefault("deletionGracePeriodSeconds", 30 if graceful else 0)
            self._write(resource, new, old)
        else:
            self.drop(resource, name, namespace)

    async def raw(self, method: str, path: str, **_: Any) -> ClientResponse:
        """Discovery, and DELETE of a collection."""
        if method == "DELETE":
            *_rest, namespace, plural = path.split("/")
            resource = FULL[plural]
            try:
                self._call("deletecollection", resource, "")
            except errors.ApiError as error:
                return ClientResponse(error.code, Headers(()), msgspec.json.encode(error.status))
            for place in [p for p in self.objects if p[:2] == (plural, namespace)]:
                await self.delete(resource, place[2], namespace)
            return ClientResponse(200, Headers(()), b"{}")
        answer: dict[str, Any]
        if path == "/apis":
            groups = sorted({(r.group, r.version) for r in kinds.RESOURCES if r.group})
            answer = {
                "groups": [
                    {
                        "name": g,
                        "versions": [{"groupVersion": f"{g}/{v}", "version": v}],
                        "preferredVersion": {"groupVersion": f"{g}/{v}", "version": v},
                    }
                    for g, v in groups
                ]
            }
        else:
            version = path.removeprefix("/apis/").removeprefix("/api/")
            answer = {
                "groupVersion": version,
                "resources": [
                    {
                        "name": r.plural,
                        "kind": r.kind,
                        "namespaced": r.namespaced,
                        "verbs": list(r.verbs) if r.list_struct is not None else ["create"],
                    }
                    for r in kinds.RESOURCES
                    if r.api_version == version
                ],
            }
        return ClientResponse(200, Headers(()), msgspec.json.encode(answer))

    # How it keeps things.

    def _call(self, verb: str, resource: Resource[Any], name: str) -> None:
        self.calls.append((verb, resource.plural, name))
        error = self.fail(verb, resource.plural, name)
        if error is not None:
            raise error

    @staticmethod
    def _place(resource: Resource[Any], plain: dict[str, Any]) -> Place:
        return resource.plural, plain["metadata"].get("namespace", ""), plain["metadata"]["name"]

    def _need(self, resource: Resource[Any], name: str, namespace: str) -> dict[str, Any]:
        found = self.objects.get((resource.plural, namespace, name))
        if found is None:
            raise errors.not_found(resource.plural, resource.group, name)
        return found

    @staticmethod
    def _typed(resource: Resource[Any], plain: dict[str, Any]) -> Any:
        return msgspec.convert(copy.deepcopy(plain), resource.struct)

    def _stamp(self, plain: dict[str, Any], old: dict[str, Any] | None) -> None:
        meta = plain["metadata"]
        if old is not None:
            meta["uid"] = old["metadata"]["uid"]
        elif not meta.get("uid"):
            self._serial += 1
            meta["uid"] = f"uid-{self._serial:06d}"
        meta.setdefault("creationTimestamp", times.format(self.clock.now()))

    def _write(self, resource: Resource[Any], new: dict[str, Any], old: dict[str, Any]) -> Any:
        meta = new["metadata"]
        done = meta.get("deletionTimestamp") and not meta.get("finalizers")
        spec_finalizers = new.get("spec", {}).get("finalizers")
        if done and resource.plural not in GRACEFUL and not spec_finalizers:
            self.drop(resource, meta["name"], meta.get("namespace", ""))
        else:
            self._store(resource.plural, new, "MODIFIED")
        return self._typed(resource, new)

    def _store(self, plural: str, plain: dict[str, Any], type_: str) -> None:
        self._revision += 1
        plain["metadata"]["resourceVersion"] = str(self._revision)
        self.objects[(plural, plain["metadata"].get("namespace", ""), plain["metadata"]["name"])] = plain
        self.log.append((type_, plural, copy.deepcopy(plain)))


class FakeInformer:
    """A cache that is as far behind as the test wants."""

    def __init__(self, api: FakeApi, resource: Resource[Any], fields: str) -> None:
        indexes = {} if fields else INDEXES.get((resource.group, resource.plural), {})
        self.store: IndexedStore[Any] = IndexedStore(indexes)
        self.handlers: list[Callable[[Any, Any], None]] = []
        self.behind: list[tuple[str, dict[str, Any]]] = []
        self.resource = resource
        self._name = fields.partition("metadata.name=")[2]

    def add_handler(self, handler: Callable[[Any, Any], None]) -> None:
        self.handlers.append(handler)
        for obj in self.store.items():
            handler(None, obj)

    async def synced(self) -> None:
        return None

    def get(self, namespace: str, name: str) -> Any:
        return self.store.get((namespace, name))

    def items(self) -> list[Any]:
        return self.store.items()

    def by_index(self, name: str, value: str) -> list[Any]:
        return self.store.by_index(name, value)

    def offer(self, type_: str, plain: dict[str, Any]) -> None:
        if not self._name or plain["metadata"]["name"] == self._name:
            self.behind.append((type_, plain))

    def step(self) -> None:
        """Show the next change."""
        type_, plain = self.behind.pop(0)
        obj = msgspec.convert(plain, self.resource.struct)
        if type_ == "DELETED":
            old = self.store.remove((obj.metadata.namespace, obj.metadata.name))
            if old is not None:
                self._tell(old, None)
        else:
            self._tell(self.store.put(obj), obj)

    def _tell(self, old: Any, new: Any) -> None:
        for handler in self.handlers:
            handler(old, new)


class FakeInformers:
    """Stands for dromon.controllers.informers.Informers."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api
        self.made: dict[tuple[str, str], FakeInformer] = {}
        self.dropped: list[str] = []
        self._at = 0

    def of(self, resource: Resource[Any], *, fields: str = "") -> FakeInformer:
        key = (resource.plural, fields)
        if key not in self.made:
            self.made[key] = FakeInformer(self.api, resource, fields)
            for type_, plural, plain in self.api.log[: self._at]:
                if plural == resource.plural:
                    self.made[key].offer(type_, plain)
        return self.made[key]

    def drop(self, resource: Resource[Any]) -> None:
        self.dropped.append(resource.plural)

    def gather(self) -> None:
        """Put what happened in front of the informers, unseen."""
        for type_, plural, plain in self.api.log[self._at :]:
            for informer in self.made.values():
                if informer.resource.plural == plural:
                    informer.offer(type_, plain)
        self._at = len(self.api.log)

    def pump(self) -> None:
        """Show everything."""
        self.gather()
        for informer in self.made.values():
            while informer.behind:
                informer.step()


class FakeRecorder:
    """Keeps (type, reason, message)."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []

    def event(self, obj: Any, type: str, reason: str, message: str) -> None:
        self.events.append((type, reason, message))


@dataclass
class World:
    """A fake API with a fake clock, and what it takes to run one controller by hand."""

    clock: FakeClock = field(default_factory=FakeClock)
    config: ControllerManagerConfig = field(default_factory=lambda: ControllerManagerConfig(kubeconfig=""))

    def __post_init__(self) -> None:
        self.api = FakeApi(self.clock)
        self.informers = FakeInformers(self.api)
        self.recorder = FakeRecorder()
        self.context = Context(
            config=self.config,
            client=self.api,  # type: ignore[arg-type]
            informers=self.informers,  # type: ignore[arg-type]
            recorder=lambda component: self.recorder,  # type: ignore[arg-type,return-value]
            queue=lambda: WorkQueue(self.clock),
            clock=self.clock,
            random=Random(0),
        )

    @property
    def events(self) -> list[tuple[str, str, str]]:
        return self.recorder.events

    async def work(self, controller: Controller[Any]) -> int:
        """Handle what is queued now; returns how many keys that was."""
        handled = 0
        while len(controller.queue):
            await controller.process(await controller.queue.get())
            handled += 1
        return handled

    async def settle(self, controller: Controller[Any], seconds: float = 0.0) -> None:
        """Let time pass in small steps, show everything, handle everything."""
        left = seconds
        quiet = rounds = 0
        while quiet < 3 or left > 0:
            rounds += 1
            assert rounds < seconds + 500, "the controller does not come to rest"
            self.informers.pump()
            before = len(self.api.log)
            handled = await self.work(controller)
            step = min(left, 1.0) if left > 0 else 0.1
            await self.clock.advance(step)
            left -= step
            quiet = quiet + 1 if not handled and len(self.api.log) == before else 0


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def make_world() -> type[World]:
    return World


class Make:
    """Objects with as little as they need."""

    @staticmethod
    def rc(name: str = "rc", replicas: int = 3, **spec: Any) -> ReplicationController:
        labels = spec.pop("selector", {"app": "x"})
        rc = ReplicationController(
            spec=ReplicationControllerSpec(
                replicas=replicas,
                selector=labels,
                template=msgspec.convert(
                    {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
                    PodTemplateSpec,
                ),
                **spec,
            )
        )
        rc.metadata.name, rc.metadata.namespace = name, "default"
        return rc

    @staticmethod
    def pod(name: str = "p", **parts: Any) -> Pod:
        """Parts: labels, node, ip, ready, phase, owner, deleted, created, restarts, since ..."""
        meta: dict[str, Any] = {"name": name, "namespace": parts.get("namespace", "default")}
        meta["labels"] = parts.get("labels", {"app": "x"})
        meta["annotations"] = parts.get("annotations", {})
        if "uid" in parts:
            meta["uid"] = parts["uid"]
        for key, at in (("creationTimestamp", "created"), ("deletionTimestamp", "deleted")):
            if parts.get(at) is not None:
                meta[key] = times.format(parts[at])
        if parts.get("owner") is not None:
            meta["ownerReferences"] = [parts["owner"]]
        status: dict[str, Any] = {"phase": parts.get("phase", "Running"), "podIP": parts.get("ip", "")}
        status["podIPs"] = [
            {"ip": ip} for ip in parts.get("ips", [status["podIP"]] if status["podIP"] else [])
        ]
        if "ready" in parts:
            condition = {"type": "Ready", "status": "True" if parts["ready"] else "False"}
            if parts.get("since") is not None:
                condition["lastTransitionTime"] = times.format(parts["since"])
            status["conditions"] = [condition]
        if "restarts" in parts:
            status["containerStatuses"] = [{"name": "c", "restartCount": parts["restarts"]}]
        if "reason" in parts:
            status["reason"] = parts["reason"]
        spec = {
            "containers": [{"name": "c", "ports": parts.get("ports", [])}],
            "nodeName": parts.get("node", ""),
            "tolerations": parts.get("tolerations", []),
            "hostname": parts.get("hostname", ""),
            "subdomain": parts.get("subdomain", ""),
        }
        return msgspec.convert({"metadata": meta, "spec": spec, "status": status}, Pod)

    @classmethod
    def view(cls, name: str = "p", **parts: Any) -> views.PodView:
        """The same as the controllers see it."""
        parts.setdefault("uid", f"uid-{name}")
        return msgspec.convert(msgspec.to_builtins(cls.pod(name, **parts)), views.PodView)

    @staticmethod
    def owner(rc: Any, kind: str = "ReplicationController", **more: Any) -> dict[str, Any]:
        reference = {"apiVersion": "v1", "kind": kind, "name": rc.metadata.name, "uid": rc.metadata.uid}
        return {**reference, "controller": True, "blockOwnerDeletion": True, **more}

    @staticmethod
    def service(name: str = "svc", **spec: Any) -> Service:
        spec.setdefault("selector", {"app": "x"})
        spec.setdefault("ports", [ServicePort(port=80, target_port=8080)])
        spec.setdefault("cluster_ip", "10.0.0.9")
        service = Service(spec=ServiceSpec(**spec))
        service.metadata.name, service.metadata.namespace, service.metadata.uid = name, "default", "svc-uid"
        return service

    @staticmethod
    def node(name: str = "n1", **parts: Any) -> Any:
        """Parts: ready ("True", ...), conditions, taints, labels, heartbeat, created, cidr, unschedulable."""
        conditions = [{"type": k, "status": v} for k, v in parts.get("conditions", {}).items()]
        if "ready" in parts:
            conditions.append({"type": "Ready", "status": parts["ready"]})
        for c in conditions:
            if "heartbeat" in parts:
                c["lastHeartbeatTime"] = times.format(parts["heartbeat"])
        meta = {"name": name, "labels": parts.get("labels", {})}
        if "uid" in parts:
            meta["uid"] = parts["uid"]
        spec: dict[str, Any] = {"taints": parts.get("taints", [])}
        spec["unschedulable"] = parts.get("unschedulable", False)
        if parts.get("cidr"):
            spec |= {"podCIDR": parts["cidr"], "podCIDRs": [parts["cidr"]]}
        return msgspec.convert(
            {"metadata": meta, "spec": spec, "status": {"conditions": conditions}}, kinds.NODES.struct
        )

    @classmethod
    def node_view(cls, name: str = "n1", **parts: Any) -> views.NodeView:
        return msgspec.convert(msgspec.to_builtins(cls.node(name, **parts)), views.NodeView)

    @staticmethod
    def config_map(name: str, owners: list[dict[str, Any]] | None = None, **meta: Any) -> ConfigMap:
        obj = ConfigMap(data={"k": "v"})
        obj.metadata.name, obj.metadata.namespace = name, meta.pop("namespace", "default")
        obj.metadata.owner_references = [msgspec.convert(o, OwnerReference) for o in owners or []]
        for key, value in meta.items():
            setattr(obj.metadata, key, value)
        return obj


@pytest.fixture
def make() -> type[Make]:
    return Make
