import sys

from boatyard_kubernetes.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
