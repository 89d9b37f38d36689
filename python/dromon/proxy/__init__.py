"""Portals: stable virtual addresses of services, kept in iptables (talk, slides 35 and 36)."""
