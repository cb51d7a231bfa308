"""Jobs on a Kubernetes cluster: a Job object for each attempt, judged by its pod."""

from skillbank.platforms.kubernetes.platform import KubernetesPlatform

__all__ = ["KubernetesPlatform"]
