"""The local Supabase stack without Docker.

Runs with nothing but the host's Python: it is what builds the virtual
environment, so it cannot need one.
"""
