"""How points are chosen: proposers as pure functions of space, settings, history and number."""

from skillbank.automl.proposers.choice import Model, choose_algorithm, choose_model
from skillbank.automl.proposers.making import make_proposer

__all__ = ["Model", "choose_algorithm", "choose_model", "make_proposer"]
