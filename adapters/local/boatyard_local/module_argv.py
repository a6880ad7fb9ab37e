"""The command line of a module that runs as a program."""

import sys

_WITHOUT_FOLDER = "import sys; del sys.path[0]; from runpy import run_module; run_module({!r}, run_name='__main__')"


def module_argv(name: str) -> tuple[str, ...]:
    """With this Python, and without the working folder in its path: what lies there is not ours. 3.10 knows no -P."""
    if sys.version_info >= (3, 11):
        return (sys.executable, "-P", "-m", name)
    return (sys.executable, "-c", _WITHOUT_FOLDER.format(name))
