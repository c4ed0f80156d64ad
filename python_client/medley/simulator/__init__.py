"""A simulated social network whose tastes are known, to judge by what cannot be known elsewhere."""

from .requests import Log, make_log
from .world import Settings, World, make_world
from .write import write_log

__all__ = ["Log", "Settings", "World", "make_log", "make_world", "write_log"]
