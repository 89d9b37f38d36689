"""The scheduler: finds a node for each pod that has none, and says why when there is none.

It is a client of the public API like any other: it watches pods, nodes and services, decides in memory, and
writes one Binding per pod. Pods never move once bound (talk, slide 21).

    informers ──► model ──► engine (filters, scores) ──► bind
                    │            │ no node
                    └── queue ◄──┴──► explain ──► condition, Event

Neighbours: dromon.client is how it reaches the API; nothing imports it but the command line.
"""
