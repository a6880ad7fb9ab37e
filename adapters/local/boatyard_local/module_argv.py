"""The command line that runs a module as a program."""

import sys

_WITHOUT_FOLDER = "import sys; del sys.path[0]; from runpy import run_module; run_module({!r}, run_name='__main__')"


def module_argv(name: str) -> tuple[str, ...]:
    """Runs this Python without the working folder in sys.path, whose files are not trusted. Python 3.10 has no -P."""
    if sys.version_info >= (3, 11):
        return (sys.executable, "-P", "-m", name)
    return (sys.executable, "-c", _WITHOUT_FOLDER.format(name))
