"""Portals: stable virtual addresses of services, kept in iptables (talk, slides 35 and 36).

Neighbours: the endpoint slices of dromon.controllers.services; base.iptables writes.
"""
