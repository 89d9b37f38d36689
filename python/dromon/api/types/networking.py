"""Ingress, IngressClass and NetworkPolicy (networking.k8s.io/v1).

Neighbours: service has what ingresses route to.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, IntOrString, always, always_list
from dromon.api.types.meta import LabelSelector, ListMeta, ObjectMeta
from dromon.api.types.references import TypedLocalObjectReference

PACKAGE = "k8s.io.api.networking.v1"


class ServiceBackendPort(Api):
    """networking.k8s.io/v1 ServiceBackendPort."""

    name: str = ""
    number: Int32 = 0


class IngressServiceBackend(Api):
    """networking.k8s.io/v1 IngressServiceBackend."""

    name: str = always("")
    port: ServiceBackendPort = field(default_factory=ServiceBackendPort)


class IngressBackend(Api):
    """networking.k8s.io/v1 IngressBackend."""

    service: IngressServiceBackend | None = None
    resource: TypedLocalObjectReference | None = None


class IngressTLS(Api):
    """networking.k8s.io/v1 IngressTLS."""

    hosts: list[str] = []
    secret_name: str = ""


class HTTPIngressPath(Api):
    """networking.k8s.io/v1 HTTPIngressPath."""

    path: str = ""
    path_type: str | None = None
    backend: IngressBackend = field(default_factory=IngressBackend)


class HTTPIngressRuleValue(Api):
    """networking.k8s.io/v1 HTTPIngressRuleValue."""

    paths: list[HTTPIngressPath] = always_list()


class IngressRuleValue(Api):
    """networking.k8s.io/v1 IngressRuleValue."""

    http: HTTPIngressRuleValue | None = None


class IngressRule(IngressRuleValue):
    """networking.k8s.io/v1 IngressRule."""

    host: str = ""


class IngressSpec(Api):
    """networking.k8s.io/v1 IngressSpec."""

    ingress_class_name: str | None = None
    default_backend: IngressBackend | None = None
    tls: list[IngressTLS] = []
    rules: list[IngressRule] = []


class IngressPortStatus(Api):
    """networking.k8s.io/v1 IngressPortStatus."""

    port: Int32 = always(0)
    protocol: str = always("")
    error: str | None = None


class IngressLoadBalancerIngress(Api):
    """networking.k8s.io/v1 IngressLoadBalancerIngress."""

    ip: str = ""
    hostname: str = ""
    ports: list[IngressPortStatus] = []


class IngressLoadBalancerStatus(Api):
    """networking.k8s.io/v1 IngressLoadBalancerStatus."""

    ingress: list[IngressLoadBalancerIngress] = []


class IngressStatus(Api):
    """networking.k8s.io/v1 IngressStatus."""

    load_balancer: IngressLoadBalancerStatus = field(default_factory=IngressLoadBalancerStatus)


class Ingress(Api):
    """networking.k8s.io/v1 Ingress."""

    kind: str = always("Ingress")
    api_version: str = always("networking.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: IngressSpec = field(default_factory=IngressSpec)
    status: IngressStatus = field(default_factory=IngressStatus)


class IngressList(Api):
    """A page of Ingress objects."""

    kind: str = always("IngressList")
    api_version: str = always("networking.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[Ingress] = always_list()


class IngressClassParametersReference(Api):
    """networking.k8s.io/v1 IngressClassParametersReference."""

    api_group: str | None = None
    kind: str = always("")
    name: str = always("")
    scope: str | None = None
    namespace: str | None = None


class IngressClassSpec(Api):
    """networking.k8s.io/v1 IngressClassSpec."""

    controller: str = ""
    parameters: IngressClassParametersReference | None = None


class IngressClass(Api):
    """networking.k8s.io/v1 IngressClass."""

    kind: str = always("IngressClass")
    api_version: str = always("networking.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: IngressClassSpec = field(default_factory=IngressClassSpec)


class IngressClassList(Api):
    """A page of IngressClass objects."""

    kind: str = always("IngressClassList")
    api_version: str = always("networking.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[IngressClass] = always_list()


class NetworkPolicyPort(Api):
    """networking.k8s.io/v1 NetworkPolicyPort."""

    protocol: str | None = None
    port: IntOrString | None = None
    end_port: Int32 | None = None


class IPBlock(Api):
    """networking.k8s.io/v1 IPBlock."""

    cidr: str = always("")
    except_: list[str] = []


class NetworkPolicyPeer(Api):
    """networking.k8s.io/v1 NetworkPolicyPeer."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class NetworkPolicyIngressRule(Api):
    """networking.k8s.io/v1 NetworkPolicyIngressRule."""

    ports: list[NetworkPolicyPort] = []
    from_: list[NetworkPolicyPeer] = []


class NetworkPolicyEgressRule(Api):
    """networking.k8s.io/v1 NetworkPolicyEgressRule."""

    ports: list[NetworkPolicyPort] = []
    to: list[NetworkPolicyPeer] = []


class NetworkPolicySpec(Api):
    """networking.k8s.io/v1 NetworkPolicySpec."""

    pod_selector: LabelSelector = field(default_factory=LabelSelector)
    ingress: list[NetworkPolicyIngressRule] = []
    egress: list[NetworkPolicyEgressRule] = []
    policy_types: list[str] = []


class NetworkPolicy(Api):
    """networking.k8s.io/v1 NetworkPolicy."""

    kind: str = always("NetworkPolicy")
    api_version: str = always("networking.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: NetworkPolicySpec = field(default_factory=NetworkPolicySpec)


class NetworkPolicyList(Api):
    """A page of NetworkPolicy objects."""

    kind: str = always("NetworkPolicyList")
    api_version: str = always("networking.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[NetworkPolicy] = always_list()
