"""Put skills and the MCP server into a project, or a home, where an agent looks for them."""

from skillbank.install.agents import AGENTS, Agent
from skillbank.install.changes import Change, Outcome
from skillbank.install.installer import Installer

__all__ = ["AGENTS", "Agent", "Change", "Installer", "Outcome"]
