"""Threads that decode a type for the first time together: msgspec alone crashes the process."""

import subprocess
import sys

_PROGRAM = """
import sys, threading, msgspec
from boatyard.decoding import convert, decode_json
sys.setswitchinterval(1e-6)
for n in range(60):
    inner = msgspec.defstruct(f"Inner{n}", [(f"a{i}", "list[int] | None", None) for i in range(20)])
    kind = msgspec.defstruct(f"Outer{n}", [(f"f{i}", inner | None, None) for i in range(20)])
    start = threading.Barrier(8)

    def use(number):
        start.wait()
        if number % 2:
            decode_json(b'{"f3": {"a5": [1], "a19": [2]}, "f19": {}}', kind)
        else:
            convert({"f3": {"a5": [1], "a19": [2]}, "f19": {}}, kind)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
print("done")
"""


def test_the_first_use_of_a_type_by_many_threads_crashes_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
