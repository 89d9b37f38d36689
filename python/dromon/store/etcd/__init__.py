"""The store over an etcd cluster: many API servers on one state, nothing of our own in the consensus path.

    store ─┬─ writer ── txn (pure), leases        group commit: callers' writes share etcd transactions
           ├─ reader                              lists at one revision, gets that share a round trip
           ├─ watch ── events (pure)              resumed streams, whole revisions
           ├─ compactor, monitor, restore         history by age; health and alarms; filling an empty store
           └─ cluster ── failures (pure), url     channels to all members, fail-over, what an error proves

Neighbours: store.interface is what it implements, open picks it for etcd:// and etcds://. Nothing else in the
project imports grpc or aetcd (whose message classes it uses).
"""
