"""Pod networking of one node: addresses, the bridge, host ports, masquerading of what leaves the cluster.

Neighbours: dromon.kubelet.worker sets pods up by it; dromon.proxy shares the machine's iptables.
"""
