"""Pod networking of one node: addresses, the bridge, host ports, masquerading of what leaves the cluster."""
