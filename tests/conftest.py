"""What holds for every test."""

from hypothesis import HealthCheck, settings

# No example is timed: machines are noisy, and what is slow is measured by `make bench`.
settings.register_profile("boatyard", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("boatyard")
