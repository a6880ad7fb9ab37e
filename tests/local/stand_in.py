"""A stand-in for the job's process: quick, and controlled by the test.

    python -S -E stand_in.py JOB_JSON OUT_DIR

It reads `# stand-in: {…}` from the job's Dockerfile, or else does what is appended to `orders.jsonl` in its
folder, one object a line: {"deaf": true}, {"line": …}, {"progress": {…}}, {"result": {…}}, {"exit": n}, {"seconds": n}.
It uses only the standard library, because some tests start it a thousand times.
"""

import json
import os
import signal
import subprocess
import sys
import time

DIGEST = "sha256:" + "a" * 64
MARK = "# stand-in: "


def main() -> int:
    job = json.load(open(sys.argv[1]))  # noqa: SIM115, PTH123
    os.chdir(sys.argv[2])
    with open("runs", "a") as runs:  # noqa: PTH123
        runs.write("x")
    for line in job["dockerfile"].splitlines():
        if line.startswith(MARK):
            return play(json.loads(line.removeprefix(MARK)))
    return obey()


def play(script: "dict[str, object]") -> int:
    if script.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if script.get("child"):
        child = subprocess.Popen(["sleep", "60"], start_new_session=True)
        write("child", str(child.pid))
    for line in script.get("lines", ["hello"]):  # type: ignore[attr-defined]
        say(line)
    write("begun", "")
    time.sleep(float(str(script.get("seconds", 0))))
    if "exit" in script:
        return int(str(script["exit"]))
    write("result.json", json.dumps(script.get("result", {"state": "SUCCEEDED", "digest": DIGEST})))
    return 0


def obey() -> int:
    done = 0
    while True:
        if os.path.exists("orders.jsonl"):  # noqa: PTH110
            orders = open("orders.jsonl").read().splitlines()  # noqa: SIM115, PTH123
            for order in map(json.loads, orders[done:]):
                if "deaf" in order:
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                if "line" in order:
                    say(order["line"])
                if "progress" in order:
                    write("progress.json", json.dumps(order["progress"]))
                if "seconds" in order:
                    time.sleep(order["seconds"])
                if "result" in order:
                    write("result.json", json.dumps(order["result"]))
                    return 0
                if "exit" in order:
                    return int(order["exit"])
            done = len(orders)
        time.sleep(0.005)


def say(line: str) -> None:
    with open("log.jsonl", "a") as log:  # noqa: PTH123
        log.write(json.dumps({"t": time.time(), "line": line}) + "\n")


def write(name: str, text: str) -> None:
    with open(name + ".new", "w") as file:  # noqa: PTH123
        file.write(text)
    os.replace(name + ".new", name)  # noqa: PTH105


if __name__ == "__main__":
    sys.exit(main())
