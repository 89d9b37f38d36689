"""Service addresses and node ports: unique in the cluster, however many API servers write to its store.

What is taken is what the store's keys say (ipranges): a Service is written together with the keys that it
needs, in one transaction that fails if somebody else has one of them. The table of taken keys here only helps
to choose a free one; where it is outdated, the transaction fails and another one is chosen.

Neighbours: dromon.apiserver.registry calls it as a Hook around every write of a Service; iprepair keeps the
table; ipranges knows ranges and keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import msgspec

from dromon.api import errors
from dromon.api.errors import FieldError
from dromon.api.types.service import Service, ServicePort
from dromon.apiserver.ipranges import (
    ALLOCATED,
    HEADLESS,
    IPS,
    KUBERNETES,
    PORT_ALLOCATED,
    PORTS,
    AddressRange,
    PortRange,
    holder_of,
    keys,
    read_holder,
)
from dromon.store.interface import CompareFailed, Delete, Op, Put, Store

_SURPRISES = 4
"""How often a key that seemed free may turn out to be taken before the table is read anew."""


class ServiceAllocator:
    """Allocates for Services; a registry Hook.

    Args:
        store: where the keys are.
        cidr: "10.0.0.0/16".
        node_ports: "30000-32767".
        random: where to begin to look for a free one.

    Raises:
        ValueError: malformed ranges.
    """

    def __init__(self, store: Store, cidr: str, node_ports: str, random: Random) -> None:
        self.addresses = AddressRange(cidr)
        self.ports = PortRange(node_ports)
        self._store = store
        self._random = random
        self._taken: set[str] = set()
        self._under_way: dict[str, int] = {}  # keys that writes of this process ask for just now
        self._surprises = 0

    def learn(self, taken: Iterable[str]) -> None:
        """These keys are what the store has."""
        self._taken = set(taken)
        self._surprises = 0

    def prepare(self, new: Service, old: Service) -> None:
        """Carry over an update's addresses and ports where the client left them out.

        What a change of type makes meaningless is dropped, if the client did not ask for it anew.
        """
        spec, before = new.spec, old.spec
        if _needs_ip(old) and _needs_ip(new):
            if not spec.cluster_ip and not spec.cluster_ips:
                spec.cluster_ip, spec.cluster_ips = before.cluster_ip, list(before.cluster_ips)
        elif _needs_ip(old) and spec.cluster_ip == before.cluster_ip:
            spec.cluster_ip, spec.cluster_ips = "", []
            spec.ip_families, spec.ip_family_policy = [], None
        if spec.cluster_ip and not spec.cluster_ips:
            spec.cluster_ips = [spec.cluster_ip]
        known = {(p.protocol, p.port): p.node_port for p in before.ports}
        if _needs_ports(old) and _needs_ports(new):
            asked = {p.node_port for p in spec.ports}
            for port in spec.ports:
                kept = known.get((port.protocol, port.port), 0)
                if not port.node_port and kept not in asked:
                    port.node_port = kept
        elif _needs_ports(old):
            for port in spec.ports:
                if port.node_port == known.get((port.protocol, port.port)):
                    port.node_port = 0

    async def reserve(self, new: Service | None, old: Service | None) -> Reservation:
        """Choose what `new` needs and write it in; plan what else is written with it.

        Args:
            new: as it is about to be stored; None: `old` is about to be removed.
            old: as it stands; None: `new` is created.

        Raises:
            ApiError: 422 when something asked for is out of range, 500 when a range is full.
        """
        plan = Reservation(self, new, keys(old.spec) if old is not None else [])
        try:
            if new is not None:
                await self._choose_ip(new, plan)
                await self._choose_ports(new, plan)
            wanted = keys(new.spec) if new is not None else []
            for key in wanted:
                if key not in plan.had:
                    await self._take(plan, key, new)
            for key in plan.had:
                if key not in wanted:
                    await self._let_go(plan, key, old)
        except BaseException:
            plan.undo()
            plan.release()
            raise
        return plan

    async def _let_go(self, plan: Reservation, key: str, old: Service | None) -> None:
        stands = await self._store.newest(key)
        # Without its key (it is older than keys, and not repaired yet) there is nothing to let go of.
        if old is not None and stands is not None and read_holder(stands.value) == holder_of(old):
            plan.ops.append(Delete(key, expect=stands.mod_revision))
            plan.freed.append(key)

    async def _take(self, plan: Reservation, key: str, new: Service | None) -> None:
        if new is None:
            return
        holder, expect = holder_of(new), 0
        if key in plan.asked:
            # A key left behind by a Service of the same name is this one's.
            stands = await self._store.newest(key)
            if stands is not None and read_holder(stands.value) == holder:
                expect = stands.mod_revision
        plan.ops.append(Put(key, msgspec.json.encode(holder), expect=expect))
        self._hold(plan, key)

    def _hold(self, plan: Reservation, key: str) -> None:
        if key not in plan.held:
            plan.held.append(key)
            self._under_way[key] = self._under_way.get(key, 0) + 1

    # -- choosing

    async def _choose_ip(self, new: Service, plan: Reservation) -> None:
        spec = new.spec
        if not _needs_ip(new):
            return
        asked = spec.cluster_ip or (spec.cluster_ips[0] if spec.cluster_ips else "")
        if asked != HEADLESS:
            asked = await self._one_ip(new, asked, plan)
        spec.cluster_ip, spec.cluster_ips = asked, [asked]
        spec.ip_families = spec.ip_families or ["IPv4"]
        spec.ip_family_policy = spec.ip_family_policy or "SingleStack"

    async def _one_ip(self, new: Service, asked: str, plan: Reservation) -> str:
        holder = holder_of(new)
        if not asked and (holder.namespace, holder.name) == KUBERNETES:
            asked = self.addresses.first
        if asked:
            why = self.addresses.fault(asked, holder) if IPS + asked not in plan.had else ""
            if why:
                raise _ip_refused(new, asked, why)
            plan.asked[IPS + asked] = _ip_refused(new, asked, ALLOCATED)
            return asked
        ip = self.addresses.free(self, self._random)
        if ip is None or self._surprises >= _SURPRISES:
            await self._look()
            ip = self.addresses.free(self, self._random)
        if ip is None:
            raise errors.internal("failed to allocate a serviceIP: range is full")
        self._hold(plan, IPS + ip)
        return ip

    async def _choose_ports(self, new: Service, plan: Reservation) -> None:
        if not _needs_ports(new):
            return
        faults = []
        for i, port in enumerate(new.spec.ports):
            if not port.node_port:
                continue
            field, key = f"spec.ports[{i}].nodePort", f"{PORTS}{port.node_port}"
            why = self.ports.fault(port.node_port) if key not in plan.had else ""
            if why:
                faults.append(errors.invalid_value(field, port.node_port, why))
            taken = [errors.invalid_value(field, port.node_port, PORT_ALLOCATED)]
            plan.asked.setdefault(key, errors.invalid("Service", "", new.metadata.name, taken))
        if faults:
            raise errors.invalid("Service", "", new.metadata.name, faults)
        for port in new.spec.ports:
            if not port.node_port:
                port.node_port = _shared(port, new.spec.ports) or await self._one_port(plan)

    async def _one_port(self, plan: Reservation) -> int:
        port = self.ports.free(self, self._random)
        if port is None or self._surprises >= _SURPRISES:
            await self._look()
            port = self.ports.free(self, self._random)
        if port is None:
            raise errors.internal("failed to allocate a nodePort: range is full")
        self._hold(plan, f"{PORTS}{port}")
        return port

    # -- the table

    def __contains__(self, key: object) -> bool:
        """Whether a key is better not chosen, as far as this process knows."""
        return key in self._taken or key in self._under_way

    async def _look(self) -> None:
        """Read which keys are taken: what this process believes may be outdated."""
        taken: set[str] = set()
        for prefix in (IPS, PORTS):
            taken |= {kv.key for kv in (await self._store.list(prefix)).items}
        self.learn(taken)

    async def settled(self, key: str) -> None:
        """As Store.settled."""
        await self._store.settled(key)

    def surprise(self, key: str) -> None:
        """`key` is taken, and this process did not know."""
        self._taken.add(key)
        self._surprises += 1

    def settle(self, held: Iterable[str], freed: Iterable[str], *, stored: bool) -> None:
        """A write that held these keys is over; `stored`: it is in the store, and let go of `freed`."""
        for key in held:
            left = self._under_way.pop(key) - 1
            if left:
                self._under_way[key] = left
            if stored:
                self._taken.add(key)
        if stored:
            self._taken.difference_update(freed)


class Reservation:
    """What one write takes and gives back.

    Attributes:
        ops: to be committed with the Service.
        asked: the refusals for keys that the client asked for, should somebody else have them.
        had: keys that the Service has before the write.
        held, freed: keys that this write takes and lets go of.
    """

    def __init__(self, allocator: ServiceAllocator, new: Service | None, had: list[str]) -> None:
        self.had = had
        self.ops: list[Op] = []
        self.asked: dict[str, errors.ApiError] = {}
        self.held: list[str] = []
        self.freed: list[str] = []
        self._allocator = allocator
        self._new = new
        if new is not None:
            spec = new.spec
            self._before = (spec.cluster_ip, spec.cluster_ips, spec.ip_families, spec.ip_family_policy)
            self._ports = [p.node_port for p in spec.ports]

    async def conflict(self, failure: CompareFailed) -> None:
        """One of `ops` did not hold; returns if another choice may."""
        key = failure.key
        if failure.current is None:
            return  # somebody let go of what this write was to let go of
        if key in self.asked and self._new is not None:
            if read_holder(failure.current.value) != holder_of(self._new):
                await self._allocator.settled(key)  # nobody is told of what may not come to be
                raise self.asked[key]
            return
        self._allocator.surprise(key)

    def undo(self) -> None:
        """Take out of the Service what was chosen for it."""
        if self._new is None:
            return
        spec = self._new.spec
        spec.cluster_ip, spec.cluster_ips, spec.ip_families, spec.ip_family_policy = self._before
        for port, before in zip(spec.ports, self._ports, strict=True):
            port.node_port = before

    def keep(self) -> None:
        """The write is in the store."""
        self._allocator.settle(self.held, self.freed, stored=True)

    def release(self) -> None:
        """The write is not in the store, or nobody knows: the store's keys tell."""
        self._allocator.settle(self.held, self.freed, stored=False)


def _needs_ip(service: Service) -> bool:
    return service.spec.type != "ExternalName"


def _needs_ports(service: Service) -> bool:
    spec = service.spec
    if spec.type == "LoadBalancer":
        return spec.allocate_load_balancer_node_ports is not False
    return spec.type == "NodePort"


def _shared(port: ServicePort, ports: list[ServicePort]) -> int:
    """A node port that the same Service has for the same port of another protocol (DNS: TCP and UDP)."""
    for other in ports:
        if other.port == port.port and other.protocol != port.protocol and other.node_port:
            return other.node_port
    return 0


def _ip_refused(service: Service, ip: str, why: str) -> errors.ApiError:
    shown = f'Invalid value: []string{{"{ip}"}}: failed to allocate IP {ip}: {why}'
    fault = FieldError("spec.clusterIPs", "FieldValueInvalid", shown)
    return errors.invalid("Service", "", service.metadata.name, [fault])
