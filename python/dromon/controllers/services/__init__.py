"""Who serves a Service: Endpoints and EndpointSlices (talk, slide 35: "a set of pods that act as one").

members finds the pods of a service and the services of a pod, addresses decides what a pod contributes,
endpoints_plan and slices_plan are pure, endpoints and slices carry out.

Neighbours: dromon.controllers.manager starts both; dromon.proxy reads the slices.
"""
