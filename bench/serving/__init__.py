"""How fast the live pack answers, at the size of a large app, beside two references.

The references are a primary-key lookup (the floor of any call) and the feed as one would write it
by hand, scoring every event. All run in the same minutes on the same database, as the role
`authenticated`, through pgbench.
"""
