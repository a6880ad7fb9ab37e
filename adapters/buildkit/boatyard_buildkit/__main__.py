import gc
import sys

# Nearly all that a job imports and reads lives until its end. Looking through it again and again for garbage takes an
# eighth of a short job's time.
gc.set_threshold(50_000, 20, 100)

from boatyard_buildkit.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
