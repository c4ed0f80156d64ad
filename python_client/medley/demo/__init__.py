"""The main job end to end: data in, taxonomy built, and what a member then sees.

`build_world` loads real data where it is found, otherwise the project's own catalogue (artists.csv
and venues.csv, written for it) with simulated members. Tour dates, RSVPs and plays are simulated
either way, and say so. `play` acts as one member through the public API.
"""

from ._play import Played, play
from ._recommend import Recommended
from ._setlist import Voted
from ._studio import Generated
from ._world import EMAIL, DemoFailed, World, build_world, find_data

__all__ = [
    "EMAIL",
    "DemoFailed",
    "Generated",
    "Played",
    "Recommended",
    "Voted",
    "World",
    "build_world",
    "find_data",
    "play",
]
