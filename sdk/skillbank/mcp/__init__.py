"""The bank for agents: tools and resources of the Model Context Protocol over the client."""
