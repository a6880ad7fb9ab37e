"""asyncio's timeout, which Python 3.10 does not have. There it raises asyncio.TimeoutError, which is no
TimeoutError."""

import sys

if sys.version_info >= (3, 11):
    from asyncio import timeout
else:
    from async_timeout import timeout

__all__ = ["timeout"]
