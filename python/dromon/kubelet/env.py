"""The environment of a container: values, references, $(NAME) expansion, and its namespace's services.

Sources: core/v1 EnvVar and the Kubernetes documentation ("Define environment variables", "Discovering
services").

Neighbours: spec puts the result into the container; volumes.interface.Sources gives ConfigMaps and Secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dromon.api import quantity
from dromon.api.types.container import Container, EnvFromSource, EnvVar, ResourceFieldSelector
from dromon.api.types.pod import Pod
from dromon.api.types.service import Service
from dromon.kubelet.volumes.interface import Sources

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
_KEYED_FIELD = re.compile(r"^metadata\.(labels|annotations)\['(.*)'\]$")
_ENV_NAME = re.compile(r"^[^=\x00]+$")


class ConfigError(Exception):
    """The container can't be configured (CreateContainerConfigError); the text says why."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a container's environment may refer to beside its pod.

    Attributes:
        pod_ip, host_ip: addresses, "" when there is none.
        services: of the pod's namespace, and default/kubernetes.
        allocatable: of the node in base units (cpu in milli), for limits that are not set.
    """

    pod_ip: str = ""
    host_ip: str = ""
    services: Iterable[Service] = ()
    allocatable: Mapping[str, int] = field(default_factory=dict)


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace $(NAME) by its value; unknown names stay as they are, $$ is a literal $."""

    def replace(match: re.Match[str]) -> str:
        if match.group(0) == "$$":
            return "$"
        return values.get(match.group(1), match.group(0))

    return _REFERENCE.sub(replace, text)


def service_variables(pod: Pod, services: Iterable[Service]) -> dict[str, str]:
    """What tells a container where services are: <NAME>_SERVICE_HOST and _PORT, and the older link style.

    Services without a virtual IP are left out. Without enableServiceLinks only default/kubernetes is told.
    """
    result: dict[str, str] = {}
    links = pod.spec.enable_service_links is not False
    chosen: dict[str, Service] = {}
    for service in services:
        meta = service.metadata
        master = meta.namespace == "default" and meta.name == "kubernetes"
        if service.spec.cluster_ip in ("", "None") or not service.spec.ports:
            continue
        if meta.namespace == pod.metadata.namespace and (links or master):
            chosen[meta.name] = service
        elif master:
            chosen.setdefault(meta.name, service)
    for name in sorted(chosen):
        result.update(_variables_of(name, chosen[name]))
    return result


def _variables_of(name: str, service: Service) -> dict[str, str]:
    prefix = name.upper().replace("-", "_")
    ip, ports = service.spec.cluster_ip, service.spec.ports
    result = {f"{prefix}_SERVICE_HOST": ip, f"{prefix}_SERVICE_PORT": str(ports[0].port)}
    for port in ports:
        if port.name:
            result[f"{prefix}_SERVICE_PORT_{port.name.upper().replace('-', '_')}"] = str(port.port)
    for i, port in enumerate(ports):
        protocol = (port.protocol or "TCP").lower()
        url = f"{protocol}://{ip}:{port.port}"
        if i == 0:
            result[f"{prefix}_PORT"] = url
        link = f"{prefix}_PORT_{port.port}_{protocol.upper()}"
        result[link] = url
        result[link + "_PROTO"] = protocol
        result[link + "_PORT"] = str(port.port)
        result[link + "_ADDR"] = ip
    return result


async def environment(
    pod: Pod, container: Container, around: Surroundings, sources: Sources
) -> dict[str, str]:
    """The container's variables, in the order of their first mention, services last.

    Raises:
        ConfigError: a ConfigMap, Secret or key that is not optional is missing, or a field is unknown.
    """
    links = service_variables(pod, around.services)
    result: dict[str, str] = {}
    for source in container.env_from:
        result.update(await _env_from(pod, source, sources))
    for variable in container.env:
        value = await _value(pod, container, variable, around, sources, {**links, **result})
        if value is not None:
            result[variable.name] = value
    return {**result, **{k: v for k, v in links.items() if k not in result}}


async def _env_from(pod: Pod, source: EnvFromSource, sources: Sources) -> dict[str, str]:
    namespace = pod.metadata.namespace
    values: dict[str, str] = {}
    if source.config_map_ref is not None:
        ref = source.config_map_ref
        config_map = await sources.config_map(namespace, ref.name)
        if config_map is None and not ref.optional:
            raise ConfigError(f'configmap "{ref.name}" not found')
        values = dict(config_map.data) if config_map else {}
    elif source.secret_ref is not None:
        secret_ref = source.secret_ref
        secret = await sources.secret(namespace, secret_ref.name)
        if secret is None and not secret_ref.optional:
            raise ConfigError(f'secret "{secret_ref.name}" not found')
        values = {k: v.decode("utf-8", "replace") for k, v in secret.data.items()} if secret else {}
    return {source.prefix + k: v for k, v in values.items() if _ENV_NAME.match(k)}


async def _value(
    pod: Pod,
    container: Container,
    variable: EnvVar,
    around: Surroundings,
    sources: Sources,
    known: Mapping[str, str],
) -> str | None:
    origin = variable.value_from
    if origin is None:
        return expand(variable.value, known)
    if origin.field_ref is not None:
        return field_value(pod, origin.field_ref.field_path, around)
    if origin.resource_field_ref is not None:
        return resource_value(pod, container, origin.resource_field_ref, around.allocatable)
    namespace = pod.metadata.namespace
    if origin.config_map_key_ref is not None:
        ref = origin.config_map_key_ref
        config_map = await sources.config_map(namespace, ref.name)
        if config_map is not None and ref.key in config_map.data:
            return config_map.data[ref.key]
        if not ref.optional:
            raise _absent("configmap", "ConfigMap", namespace, ref.name, ref.key, config_map)
        return None
    if origin.secret_key_ref is not None:
        secret_ref = origin.secret_key_ref
        secret = await sources.secret(namespace, secret_ref.name)
        if secret is not None and secret_ref.key in secret.data:
            return secret.data[secret_ref.key].decode("utf-8", "replace")
        if not secret_ref.optional:
            raise _absent("secret", "Secret", namespace, secret_ref.name, secret_ref.key, secret)
        return None
    raise ConfigError(f'environment variable "{variable.name}" has a source that is not supported')


def _absent(lower: str, kind: str, namespace: str, name: str, key: str, found: object) -> ConfigError:
    if found is None:
        return ConfigError(f'{lower} "{name}" not found')
    return ConfigError(f"couldn't find key {key} in {kind} {namespace}/{name}")


def field_value(pod: Pod, path: str, around: Surroundings) -> str:
    """A field of the pod by its downward API path.

    Raises:
        ConfigError: the path names no field that containers may read.
    """
    simple = {
        "metadata.name": pod.metadata.name,
        "metadata.namespace": pod.metadata.namespace,
        "metadata.uid": pod.metadata.uid,
        "spec.nodeName": pod.spec.node_name,
        "spec.serviceAccountName": pod.spec.service_account_name,
        "status.hostIP": around.host_ip,
        "status.hostIPs": around.host_ip,
        "status.podIP": around.pod_ip,
        "status.podIPs": around.pod_ip,
    }
    if path in simple:
        return simple[path]
    keyed = _KEYED_FIELD.match(path)
    if keyed:
        values = pod.metadata.labels if keyed.group(1) == "labels" else pod.metadata.annotations
        return values.get(keyed.group(2), "")
    raise ConfigError(f"unsupported fieldPath: {path}")


def resource_value(
    pod: Pod, container: Container, ref: ResourceFieldSelector, allocatable: Mapping[str, int]
) -> str:
    """A request or limit of a container in units of the divisor, rounded up.

    Raises:
        ConfigError: no such container or resource.
    """
    target = container
    if ref.container_name:
        every = [*pod.spec.containers, *pod.spec.init_containers]
        found = next((c for c in every if c.name == ref.container_name), None)
        if found is None:
            raise ConfigError(f"container {ref.container_name} not found")
        target = found
    kind, _, name = ref.resource.partition(".")
    if kind not in ("limits", "requests") or not name:
        raise ConfigError(f"unsupported container resource: {ref.resource}")
    values = target.resources.limits if kind == "limits" else target.resources.requests
    if name in values:
        amount = quantity.parse(values[name])
    elif kind == "limits" and name in allocatable:
        amount = quantity.parse(f"{allocatable[name]}m" if name == "cpu" else str(allocatable[name]))
    else:
        amount = quantity.parse("0")
    divisor = quantity.parse(ref.divisor or "0") or quantity.parse("1")
    return str(-(-amount // divisor))
