"""The one door to the HTTP client.

A *client* talks to one connection: it knows the connection's *origin* (scheme, host, port), gives credentials to that
origin only, bounds every body, and repeats a request only when it is *safe*: when a second copy has no second effect.
*Limits* are shared by all that use the connection: places (concurrency), rate, a common pause when the platform asks
for one, and a circuit that stops the run when the platform is dead. A *wire* is what really sends: httpx today, hidden
behind `wire.Wire`, so that a faster one can take its place. *Pages* are the ways in which lists go on. Failures leave
this room as errors of `runner.model.errors`: `Unavailable` when the request surely had no effect or may be repeated,
`Indeterminate` when nobody can know.
"""
