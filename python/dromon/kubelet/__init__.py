"""The node agent: makes the pods bound to its node run, and says how they do (talk, slides 12 and 15).

agent watches pods and keeps one worker per pod; worker computes plan.plan (what to do) and status.pod_status
(what to say) from the pod, what the runtime shows and the time, and carries the plan out through the seams
runtime (Docker or hollow), network and volumes. server answers logs and exec for the apiserver.

Neighbours: the apiserver alone, over HTTPS both ways; scheduler and proxy are met in the API.
"""
