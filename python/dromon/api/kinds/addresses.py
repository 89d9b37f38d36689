"""Checks of IP addresses and networks.

Neighbours: kinds with addresses.
"""

from __future__ import annotations

import ipaddress

_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def ip_errors(text: str, version: int | None = None) -> list[str]:
    """Why `text` is no IP address (of that version); empty: it is one."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return [_IP]
    if "%" in text:  # a zone means nothing on another machine
        return [_IP]
    if version is not None and address.version != version:
        return [f"must be a valid IPv{version} address"]
    return []


def endpoint_errors(text: str, version: int | None = None) -> list[str]:
    """Why no traffic can be sent to `text`."""
    found = ip_errors(text, version)
    if not found and ipaddress.ip_address(text).is_unspecified:
        found = [f"may not be unspecified ({text})"]
    return found


def cidr_errors(text: str) -> list[str]:
    """Why `text` is no network in CIDR form; empty: it is one."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return [_CIDR]
    return [] if "/" in text else [_CIDR]
