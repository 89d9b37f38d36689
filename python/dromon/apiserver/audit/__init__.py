"""The audit log: who did what, when, with which outcome; a line of JSON a request (audit.k8s.io/v1).

`events` makes the lines, `files` is the file with its rotation, `log` brings records from the event loop to
the file by a thread of its own. Bodies of requests and answers are never logged.

Neighbours: dromon.apiserver.observe notes each request; operations opens and closes the log.
"""
