"""The command line `medley`."""

from ._app import app, main

__all__ = ["app", "main"]
