"""Service addresses and node ports: unique in the cluster, from ranges.

What is allocated is what the stored Services say; the table is rebuilt from them at start, holds what is
under way in this process, and lets go when a Service lets go. One apiserver writes to a store.

Source: Kubernetes documentation, "Service ClusterIP allocation"; texts as upstream's.

Neighbours: dromon.apiserver.registry calls it as a Hook around every write of a Service.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from random import Random

from dromon.api import errors
from dromon.api.errors import FieldError
from dromon.api.types.service import Service, ServicePort

KUBERNETES = "default/kubernetes"
"""The Service that has the range's first address."""

_HEADLESS = "None"


class ServiceAllocator:
    """Allocates for Services; a registry Hook.

    Args:
        cidr: "10.0.0.0/16".
        node_ports: "30000-32767".
        random: where to begin to look for a free one.

    Raises:
        ValueError: malformed ranges.
    """

    def __init__(self, cidr: str, node_ports: str, random: Random) -> None:
        self.network = IPv4Network(cidr)
        if self.network.num_addresses < 4:
            raise ValueError(f"service CIDR {cidr} is too small: it needs a /30 at least")
        self.ports = _port_range(node_ports)
        self._random = random
        self._ips: dict[str, str] = {}
        self._ports: dict[int, str] = {}

    @property
    def first(self) -> str:
        """The address of the `kubernetes` Service."""
        return str(self.network.network_address + 1)

    def load(self, services: Iterable[Service]) -> None:
        """Take up what stored Services have."""
        for service in services:
            owner = _owner(service)
            self._ips.update(dict.fromkeys(_ips(service), owner))
            self._ports.update(dict.fromkeys(_ports(service), owner))

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

    def reserve(self, new: Service, old: Service | None) -> Reservation:
        """Allocate what `new` asks for and write it in.

        Raises:
            ApiError: 422 when something asked for is taken or out of range, 500 when a range is full.
        """
        taken = Reservation(self, new, old)
        try:
            self._reserve_ip(new, taken)
            self._reserve_ports(new, taken)
        except errors.ApiError:
            taken.release()
            raise
        return taken

    def removed(self, old: Service) -> None:
        """Let go of all that the Service had."""
        self.free(_owner(old), _ips(old), _ports(old))

    def free(self, owner: str, ips: Iterable[str], ports: Iterable[int]) -> None:
        """Let go of these, as far as `owner` has them."""
        for ip in ips:
            if self._ips.get(ip) == owner:
                del self._ips[ip]
        for port in ports:
            if self._ports.get(port) == owner:
                del self._ports[port]

    def _reserve_ip(self, new: Service, taken: Reservation) -> None:
        spec = new.spec
        if not _needs_ip(new):
            return
        if not spec.cluster_ip:
            spec.cluster_ip = spec.cluster_ips[0] if spec.cluster_ips else ""
        if spec.cluster_ip == _HEADLESS:
            spec.cluster_ips = [_HEADLESS]
        else:
            spec.cluster_ip = self._one_ip(new, spec.cluster_ip, taken)
            spec.cluster_ips = [spec.cluster_ip]
        spec.ip_families = spec.ip_families or ["IPv4"]
        spec.ip_family_policy = spec.ip_family_policy or "SingleStack"

    def _one_ip(self, new: Service, asked: str, taken: Reservation) -> str:
        owner = _owner(new)
        ip = asked or (self.first if owner == KUBERNETES else self._free_ip())
        if asked:
            why = self._ip_fault(ip, owner)
            if why:
                shown = f'Invalid value: []string{{"{ip}"}}: failed to allocate IP {ip}: {why}'
                raise _refused(new, FieldError("spec.clusterIPs", "FieldValueInvalid", shown))
        if ip not in self._ips:
            self._ips[ip] = owner
            taken.ips.append(ip)
        return ip

    def _ip_fault(self, ip: str, owner: str) -> str:
        address = IPv4Address(ip) if _is_ipv4(ip) else None
        inside = address is not None and address in self.network
        ends = (self.network.network_address, self.network.broadcast_address)
        if address is None or not inside or address in ends:
            return (
                f"the provided IP ({ip}) is not in the valid range. The range of valid IPs is {self.network}"
            )
        if ip == self.first and owner != KUBERNETES:
            return "provided IP is already allocated"
        return "provided IP is already allocated" if self._ips.get(ip, owner) != owner else ""

    def _free_ip(self) -> str:
        # All but the network's address, the first one and the broadcast address; from a random place on,
        # so that an address that was just let go does not come back to another service at once.
        size = self.network.num_addresses - 3
        begin = self._random.randrange(size)
        base = int(self.network.network_address) + 2
        for i in range(size):
            ip = str(IPv4Address(base + (begin + i) % size))
            if ip not in self._ips:
                return ip
        raise errors.internal("failed to allocate a serviceIP: range is full")

    def _reserve_ports(self, new: Service, taken: Reservation) -> None:
        if not _needs_ports(new):
            return
        owner, faults = _owner(new), []
        for i, port in enumerate(new.spec.ports):
            if port.node_port:
                why = self._port_fault(port.node_port, owner)
                if why:
                    faults.append(errors.invalid_value(f"spec.ports[{i}].nodePort", port.node_port, why))
                elif port.node_port not in self._ports:
                    self._ports[port.node_port] = owner
                    taken.ports.append(port.node_port)
        if faults:
            raise errors.invalid("Service", "", new.metadata.name, faults)
        for port in new.spec.ports:
            if not port.node_port:
                port.node_port = _shared(port, new.spec.ports) or self._free_port()
                if port.node_port not in self._ports:
                    self._ports[port.node_port] = owner
                    taken.ports.append(port.node_port)

    def _port_fault(self, port: int, owner: str) -> str:
        if port not in self.ports:
            valid = f"{self.ports.start}-{self.ports.stop - 1}"
            return f"provided port is not in the valid range. The range of valid ports is {valid}"
        return "provided port is already allocated" if self._ports.get(port, owner) != owner else ""

    def _free_port(self) -> int:
        begin = self._random.randrange(len(self.ports))
        for i in range(len(self.ports)):
            port = self.ports[(begin + i) % len(self.ports)]
            if port not in self._ports:
                return port
        raise errors.internal("failed to allocate a nodePort: range is full")


class Reservation:
    """What one write took from a ServiceAllocator."""

    def __init__(self, allocator: ServiceAllocator, new: Service, old: Service | None) -> None:
        self._allocator = allocator
        self._new = new
        self._old = old
        self.ips: list[str] = []
        self.ports: list[int] = []

    def keep(self) -> None:
        """The write is stored: let go of what the Service had and has no more."""
        if self._old is None:
            return
        ips, ports = set(_ips(self._new)), set(_ports(self._new))
        self._allocator.free(
            _owner(self._old),
            [ip for ip in _ips(self._old) if ip not in ips],
            [p for p in _ports(self._old) if p not in ports],
        )

    def release(self) -> None:
        """The write did not happen: let go of what was taken for it."""
        self._allocator.free(_owner(self._new), self.ips, self.ports)


def _port_range(text: str) -> range:
    first, _, last = text.partition("-")
    if first.isdecimal() and last.isdecimal() and 0 < int(first) <= int(last) <= 65535:
        return range(int(first), int(last) + 1)
    raise ValueError(f"node port range {text!r} is malformed: 30000-32767 is the usual one")


def _owner(service: Service) -> str:
    return f"{service.metadata.namespace}/{service.metadata.name}"


def _ips(service: Service) -> list[str]:
    ips = service.spec.cluster_ips or [service.spec.cluster_ip]
    return [ip for ip in ips if ip and ip != _HEADLESS]


def _ports(service: Service) -> list[int]:
    return [p.node_port for p in service.spec.ports if p.node_port]


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


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _refused(service: Service, fault: FieldError) -> errors.ApiError:
    return errors.invalid("Service", "", service.metadata.name, [fault])
