"""Command line: `skillbank skills | show | plan | run | jobs | ...`, each a thin skin on Client."""

from skillbank.cli.app import main

__all__ = ["main"]
