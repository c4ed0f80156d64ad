"""Bulk loads over a direct connection: files in, catalogue and members out.

Each loader reads and checks its files completely, then writes everything in one transaction:
COPY into temporary tables, set-based statements from there. A bad row is reported with file and
line; nothing is written unless bad rows may be skipped. Ids come from the source's own ids, so a
second run updates what changed and doubles nothing.
"""

from ._rows import BadData, BadRow
from ._write import LoadReport
from .catalogue import load_artists, load_venues
from .concerts import load_concerts
from .films import load_films
from .interactions import Interaction, load_interactions, read_interactions
from .lastfm import load_lastfm
from .mind import load_mind
from .movielens import load_movielens
from .setlists import load_setlists

__all__ = [
    "BadData",
    "BadRow",
    "Interaction",
    "LoadReport",
    "load_artists",
    "load_concerts",
    "load_films",
    "load_interactions",
    "load_lastfm",
    "load_mind",
    "load_movielens",
    "load_setlists",
    "load_venues",
    "read_interactions",
]
