"""Azure's worker without its wire: the platform's own library indexes an app and invokes its functions.

Runs in a process of its own, on Python 3.13: `program.py APP_FOLDER`. Each line of standard input is an invocation,
each line of standard output what became of one; logs go to standard error, as JSON, as the worker passes them to the
host. The host's messages are duck-typed: the library builds `protos.X(**fields)` and never imports protobuf.
"""

import asyncio
import base64
import json
import logging
import os
import pathlib
import sys
import threading
import types

_NUMBERS = {"in": 0, "out": 1, "inout": 2, "undefined": 0, "string": 1, "binary": 2, "stream": 3}


class _Message:
    def __init__(self, **fields):
        self.__dict__.update(fields)


class _Protos:
    """Any message. The numbers are those of FunctionRpc.proto, as far as the library reads any."""

    def __getattr__(self, name):
        made = type(name, (_Message,), {})
        if name == "StatusResult":
            made.Failure, made.Success = 0, 1
        if name == "BindingInfo":
            for word, number in _NUMBERS.items():
                setattr(made, word, number)
        setattr(self, name, made)
        return made


class _ToHost(logging.Handler):
    """One line for each record, with the invocation that it belongs to."""

    def emit(self, record):
        from azure_functions_runtime.utils.executor import invocation_id_cv

        line = {
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "invocation": invocation_id_cv.get(),
        }
        print(json.dumps(line), file=sys.stderr, flush=True)


def main():
    app = sys.argv[1]
    # As the worker does: the app's packages before its own, and the app's folder.
    sys.path[:0] = [app, str(pathlib.Path(app, ".python_packages", "lib", "site-packages"))]
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what the app prints is no answer
    logging.getLogger().addHandler(_ToHost())
    logging.getLogger().setLevel(logging.INFO)
    asyncio.run(serve(app, answers))


async def serve(app, answers):
    import azure_functions_runtime as runtime

    runtime.start_threadpool_executor()
    request = types.SimpleNamespace(
        request=types.SimpleNamespace(
            worker_init_request=types.SimpleNamespace(capabilities={}, function_app_directory=app)
        ),
        properties={"host": "127.0.0.1", "protos": _Protos()},
    )
    os.chdir(app)
    started = await runtime.worker_init_request(request)
    if started.result.status != 1:
        answers.write(json.dumps({"failed": str(started.result.exception.__dict__)}) + "\n")
        return
    indexed = await runtime.functions_metadata_request(request)
    functions = {each.name: each for each in indexed.function_metadata_results}
    described = {
        name: {
            "bindings": [json.loads(binding) for binding in each.raw_bindings],
            "retries": each.retry_options.max_retry_count if each.retry_options else 0,
        }
        for name, each in functions.items()
    }
    answers.write(json.dumps({"indexed": described}) + "\n")
    loop = asyncio.get_running_loop()
    lines = asyncio.Queue()

    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, "")

    threading.Thread(target=read, daemon=True).start()
    running = set()
    while line := await lines.get():
        task = asyncio.create_task(invoke(json.loads(line), functions, answers))
        running.add(task)
        task.add_done_callback(running.discard)


async def invoke(asked, functions, answers):
    from azure_functions_runtime.native_invocation import invocation_request_native

    ok, returned, _, error, trace = await invocation_request_native(
        asked["invocation"],
        functions[asked["function"]].function_id,
        [(asked["name"], datum(asked["input"]))],
        {name: datum(value) for name, value in asked["metadata"].items()},
        trace_parent=asked.get("traceparent", ""),
    )
    answer = {"invocation": asked["invocation"], "ok": ok, "error": error, "trace": trace}
    if ok and returned is not None:
        value = returned.value
        answer["http"] = {
            "status": int(value["status_code"].value),
            "headers": {name: each.value for name, each in value["headers"].items()},
            "body": base64.b64encode(value["body"].value).decode(),
        }
    answers.write(json.dumps(answer) + "\n")


def datum(described):
    from azure_functions_runtime.bindings.datumdef import Datum

    kind, value = described["type"], described["value"]
    if kind == "bytes":
        value = base64.b64decode(value)
    if kind == "http":
        value = {
            "method": Datum(value["method"], "string"),
            "url": Datum(value["url"], "string"),
            "body": Datum(base64.b64decode(value["body"]), "bytes"),
            **{
                name: {key: Datum(text, "string") for key, text in value[name].items()}
                for name in ("headers", "query", "params")
            },
        }
    return Datum(value, kind)


if __name__ == "__main__":
    main()
