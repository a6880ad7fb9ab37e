"""`python -m boatyard_local`: the server alone, as it is started in the background. People use `boatyard serve`."""

import argparse
import sys
from pathlib import Path

from boatyard_local import ServeError, SettingsError, load_settings, serve
from boatyard_local.logging_setup import log_to


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m boatyard_local")
    parser.add_argument("--state", type=Path, default=Path(".boatyard"))
    parser.add_argument("--config", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args(arguments)
    log_to(sys.stderr)
    try:
        settings = load_settings(options.config)
        serve(settings, options.state, options.host, options.port, lambda url: print(url, flush=True))
    except (ServeError, SettingsError) as error:
        print(f"boatyard: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
