"""Plain words become a plan: what was understood, where it was said, and what is still missing."""
