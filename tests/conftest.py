"""What holds for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Machines differ and tests run side by side: time is measured by tools/bench, not by these.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
