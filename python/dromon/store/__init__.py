"""Where a cluster's state is: an abstract, watchable store, its backends, and the cache before them.

Neighbours: dromon.apiserver is the only component that uses it.
"""
