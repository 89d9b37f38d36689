"""HTTP/1.1 over asyncio: the server and client of every component, and WebSocket over both.

`messages` are the values, `server` and `client` the two ends, `flow` what they share, `websocket` frames.

Neighbours: the apiserver and the kubelets serve with it, dromon.client asks with it.
"""
