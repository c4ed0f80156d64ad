"""How fast recommendations are, at the size of a large app, beside references.

The calls run beside a primary-key lookup and the same query as one would write it by hand; the
rebuild of neighbours runs beside scipy and `implicit` on the same pairs.
"""
