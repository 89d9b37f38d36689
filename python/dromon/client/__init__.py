"""The public API as components use it: typed requests, informers, work queues, event records."""
