"""The public API as components use it: typed requests, informers, work queues, event records.

Neighbours: base.http below; scheduler, controllers, kubelet, proxy and cli stand on it.
"""
