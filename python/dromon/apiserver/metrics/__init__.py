"""/metrics: what the apiserver does, in numbers, as Prometheus reads them.

Counting is apart from showing: `requests` and the counters of other parts are plain numbers that cost a
request next to nothing; `exposition` imports the client library when somebody first asks, and `families`
makes the library's metric families of the numbers at each scrape.

Neighbours: dromon.apiserver.observe counts; operations answers /metrics.
"""
