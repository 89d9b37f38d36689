"""Overload protection: who is served next when the apiserver can't serve everybody at once.

After Kubernetes' API Priority and Fairness (KEP-1040), for one event loop. What runs out here is the loop's
time, and memory, not threads; so time is shared out, and bytes of answers that peers have not taken yet:

- levels: what a request is about and who asks puts it in a priority level with shares (levels);
- queues: inside a level every flow (a user with one program) has its queue; levels share time by their
  shares, flows evenly (queues, pure);
- gate: the fast path (a counter) while nothing waits, turns of bounded length, bounds on the wait, refusals
  at a bounded rate (gate);
- streams: bounds on the streams of one user and of all (streams).

Neighbours: dromon.apiserver.operations asks the gate for each request.
"""
