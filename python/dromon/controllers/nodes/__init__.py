"""The life of nodes: heartbeats, taints, eviction, subnets.

health, taints and zones are pure; lifecycle watches heartbeats and taints nodes, eviction deletes pods that
don't bear a taint, cidrs and ipam give each node its subnet.

Neighbours: dromon.controllers.manager starts them; kubelets write the heartbeats.
"""
