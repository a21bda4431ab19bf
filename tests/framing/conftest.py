"""How hypothesis runs here: without deadlines, since other work may slow the machine down."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile('wire', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('wire')
