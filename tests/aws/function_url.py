"""A function URL on loopback: converts HTTP to the documented event, and a function's answer to HTTP.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads. Signatures are not checked: the caller
is always the one of tests/aws/payloads.py.
"""

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.aws.payloads import function_url


@contextmanager
def function_url_of(invoke: Callable[[Any], Any]) -> Iterator[str]:
    """The address of the URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            event = function_url(self.command, unquote(url.path), query=url.query)
            event["rawPath"] = url.path
            event["headers"] = {name.lower(): value for name, value in self.headers.items()}
            event["isBase64Encoded"] = True
            event["body"] = base64.b64encode(body).decode()
            answer = invoke(event)
            told = answer.get("body") or ""
            data = base64.b64decode(told) if answer.get("isBase64Encoded") else told.encode()
            self.send_response(answer["statusCode"])
            for name, value in answer["headers"].items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _handle

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
