"""The code that runs inside a job: one package per network architecture.

A package `<arch>` offers `SPECS`, from action name to spec class, and for each action a module of
the action's name with `def main(spec, run)`. Only those modules may import torch, so that schemas
are generated and checked without it. Architectures may also live in other source roots that hold a
`skillbank_runners/<arch>` package: they are found through the import path.
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
