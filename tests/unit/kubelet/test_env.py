"""Environment, services' variables, references, and the files that name things."""

from __future__ import annotations

from typing import Any

import pytest

from dromon.api.types.config import ConfigMap, Secret
from dromon.api.types.container import (
    ConfigMapEnvSource,
    ConfigMapKeySelector,
    Container,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    ObjectFieldSelector,
    ResourceFieldSelector,
    ResourceRequirements,
    SecretKeySelector,
)
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import HostAlias, Pod, PodDNSConfig, PodDNSConfigOption, PodSpec
from dromon.api.types.service import Service, ServicePort, ServiceSpec
from dromon.kubelet import hosts
from dromon.kubelet.env import ConfigError, Surroundings, environment, expand, service_variables


class Sources:
    """ConfigMaps and Secrets of one namespace."""

    async def config_map(self, namespace: str, name: str) -> ConfigMap | None:
        return ConfigMap(data={"key": "value", "other": "thing"}) if name == "there" else None

    async def secret(self, namespace: str, name: str) -> Secret | None:
        return Secret(data={"key": b"hush"}) if name == "there" else None


def pod(container: Container, **spec: Any) -> Pod:
    meta = ObjectMeta(name="web", namespace="default", uid="u1", labels={"a/b": "c"})
    return Pod(metadata=meta, spec=PodSpec(containers=[container], **spec))


async def env_of(*variables: EnvVar, around: Surroundings | None = None, **container: Any) -> dict[str, str]:
    spec = Container(name="c", image="i", env=list(variables), **container)
    return await environment(pod(spec), spec, around or Surroundings(), Sources())


def ref(**source: Any) -> EnvVar:
    return EnvVar(name="X", value_from=EnvVarSource(**source))


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)", "1"),
        ("x$(A)y$(B)", "x1y2"),
        ("$(C)", "$(C)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A ${A} $", "$A ${A} $"),
        ("$(A", "$(A"),
        ("", ""),
    ],
)
def test_expansion(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expanded


async def test_variables_see_earlier_ones_only() -> None:
    made = await env_of(
        EnvVar(name="A", value="1"), EnvVar(name="B", value="$(A)$(C)"), EnvVar(name="C", value="3")
    )
    assert made == {"A": "1", "B": "1$(C)", "C": "3"}


async def test_references() -> None:
    around = Surroundings(pod_ip="10.1.0.2", host_ip="10.0.0.9", allocatable={"cpu": 4000})
    cases: list[tuple[EnvVar, str]] = [
        (ref(field_ref=ObjectFieldSelector(field_path="status.podIP")), "10.1.0.2"),
        (ref(field_ref=ObjectFieldSelector(field_path="metadata.labels['a/b']")), "c"),
        (ref(config_map_key_ref=ConfigMapKeySelector(name="there", key="key")), "value"),
        (ref(secret_key_ref=SecretKeySelector(name="there", key="key")), "hush"),
        (ref(resource_field_ref=ResourceFieldSelector(resource="limits.cpu")), "4"),
        (ref(resource_field_ref=ResourceFieldSelector(resource="requests.memory", divisor="1Mi")), "66"),
    ]
    limits = ResourceRequirements(requests={"memory": "67000Ki"})
    for variable, value in cases:
        assert (await env_of(variable, around=around, resources=limits))["X"] == value


async def test_what_is_missing_is_told_unless_it_is_optional() -> None:
    with pytest.raises(ConfigError, match='configmap "gone" not found'):
        await env_of(ref(config_map_key_ref=ConfigMapKeySelector(name="gone", key="k")))
    with pytest.raises(ConfigError, match="couldn't find key k in Secret default/there"):
        await env_of(ref(secret_key_ref=SecretKeySelector(name="there", key="k")))
    assert await env_of(ref(secret_key_ref=SecretKeySelector(name="gone", key="k", optional=True))) == {}
    with pytest.raises(ConfigError, match="unsupported fieldPath"):
        await env_of(ref(field_ref=ObjectFieldSelector(field_path="spec.nope")))


async def test_env_from_takes_a_prefix_and_is_overridden() -> None:
    source = EnvFromSource(prefix="P_", config_map_ref=ConfigMapEnvSource(name="there"))
    made = await env_of(EnvVar(name="P_key", value="mine"), env_from=[source])
    assert made == {"P_key": "mine", "P_other": "thing"}


def service(name: str, ip: str, *ports: ServicePort, namespace: str = "default") -> Service:
    spec = ServiceSpec(cluster_ip=ip, ports=list(ports))
    return Service(metadata=ObjectMeta(name=name, namespace=namespace), spec=spec)


def test_services_are_told_in_both_styles() -> None:
    nifty = service(
        "nifty-svc", "10.0.0.7", ServicePort(name="web-port", port=9376), ServicePort(port=53, protocol="UDP")
    )
    headless = service("headless", "None", ServicePort(port=1))
    made = service_variables(pod(Container(name="c")), [nifty, headless])
    assert made == {
        "NIFTY_SVC_SERVICE_HOST": "10.0.0.7",
        "NIFTY_SVC_SERVICE_PORT": "9376",
        "NIFTY_SVC_SERVICE_PORT_WEB_PORT": "9376",
        "NIFTY_SVC_PORT": "tcp://10.0.0.7:9376",
        "NIFTY_SVC_PORT_9376_TCP": "tcp://10.0.0.7:9376",
        "NIFTY_SVC_PORT_9376_TCP_PROTO": "tcp",
        "NIFTY_SVC_PORT_9376_TCP_PORT": "9376",
        "NIFTY_SVC_PORT_9376_TCP_ADDR": "10.0.0.7",
        "NIFTY_SVC_PORT_53_UDP": "udp://10.0.0.7:53",
        "NIFTY_SVC_PORT_53_UDP_PROTO": "udp",
        "NIFTY_SVC_PORT_53_UDP_PORT": "53",
        "NIFTY_SVC_PORT_53_UDP_ADDR": "10.0.0.7",
    }


def test_without_service_links_only_the_api_is_told() -> None:
    port = ServicePort(port=443)
    services = [service("x", "10.0.0.7", port), service("kubernetes", "10.0.0.1", port)]
    made = service_variables(pod(Container(name="c"), enable_service_links=False), services)
    assert made["KUBERNETES_SERVICE_HOST"] == "10.0.0.1"
    assert "X_SERVICE_HOST" not in made


HOST = "# comment\nnameserver 192.0.2.1\nsearch example.org\noptions timeout:1\n"
DNS = hosts.Dns(("10.0.0.10",), "cluster.local", HOST)


@pytest.mark.parametrize(
    ("policy", "dns", "text"),
    [
        ("Default", DNS, "search example.org\nnameserver 192.0.2.1\noptions timeout:1\n"),
        (
            "ClusterFirst",
            DNS,
            "search default.svc.cluster.local svc.cluster.local cluster.local example.org\n"
            "nameserver 10.0.0.10\noptions ndots:5\n",
        ),
        (
            "ClusterFirst",
            hosts.Dns(host_resolv_conf=HOST),
            "search example.org\nnameserver 192.0.2.1\noptions timeout:1\n",
        ),
    ],
)
def test_resolv_conf_by_policy(policy: str, dns: hosts.Dns, text: str) -> None:
    assert hosts.resolv_conf(pod(Container(name="c"), dns_policy=policy), dns) == text


def test_dns_config_is_merged() -> None:
    config = PodDNSConfig(
        nameservers=["192.0.2.9"], searches=["own"], options=[PodDNSConfigOption(name="ndots", value="2")]
    )
    text = hosts.resolv_conf(pod(Container(name="c"), dns_policy="None", dns_config=config), DNS)
    assert text == "search own\nnameserver 192.0.2.9\noptions ndots:2\n"


def test_etc_hosts_names_the_pod_and_its_aliases() -> None:
    target = pod(
        Container(name="c"), subdomain="sub", host_aliases=[HostAlias(ip="192.0.2.2", hostnames=["a", "b"])]
    )
    text = hosts.etc_hosts(target, "10.1.0.2", "web", "cluster.local")
    assert "10.1.0.2\tweb.sub.default.svc.cluster.local\tweb\n" in text
    assert text.endswith("192.0.2.2\ta\tb\n")
