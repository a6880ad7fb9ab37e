import sys

from boatyard_buildkit.collecting import collect_rarely

collect_rarely()

from boatyard_buildkit.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
