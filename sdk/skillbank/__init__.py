"""Train models by skill."""
