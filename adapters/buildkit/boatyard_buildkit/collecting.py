"""How often a job's process looks for garbage."""

import gc


def collect_rarely() -> None:
    """Nearly all that a job imports and reads lives until its end. Looking through it again and again takes an eighth
    of a short job's time."""
    gc.set_threshold(50_000, 20, 100)
