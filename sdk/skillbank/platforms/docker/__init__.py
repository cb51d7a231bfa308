"""Jobs in containers of Docker or Podman, with as little around them as they need."""

from skillbank.platforms.docker.platform import DockerPlatform

__all__ = ["DockerPlatform"]
