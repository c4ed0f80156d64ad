"""How fast the home timeline answers at the size of a large app, and what writing a post costs.

Beside a primary-key lookup and the timeline as one would write it by hand, scoring every post of
the last two days. All run in the same minutes on the same database, through pgbench.
"""
