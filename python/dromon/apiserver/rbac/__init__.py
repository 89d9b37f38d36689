"""Role based access control: who may do what, as Roles and bindings in the store say.

rules judges one rule, policy gathers who has which, authorizer asks it for each request, defaults has the
roles that every cluster has, escalation keeps people from giving what they don't have.

Neighbours: dromon.apiserver.authz is the seam that authorizer fills; reviews asks it, too.
"""
