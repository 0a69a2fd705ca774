"""The sandbox as a server on this machine: vendors, faults, and a page that tells.

/<vendor>/...   the vendor's API
/_holds         what every vendor holds, as JSON
/               the same for people
"""

import html
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route

from orchestration.lib.sandbox.faults import FaultMiddleware, Faults
from orchestration.lib.sandbox.vendor import Vendor


def application(vendors: Sequence[Vendor], faults: Faults) -> Starlette:
    """All vendors below their names."""

    async def page(request: Request) -> Response:
        return HTMLResponse(_page(vendors))

    async def holds(request: Request) -> Response:
        return JSONResponse({vendor.name: vendor.holds() for vendor in vendors})

    return Starlette(
        routes=[
            Route("/", page),
            Route("/_holds", holds),
            *(
                Mount(f"/{vendor.name}", routes=vendor.routes(), name=vendor.name)
                for vendor in vendors
            ),
        ],
        middleware=[Middleware(FaultMiddleware, faults=faults)],
    )


def serve(app: Starlette, port: int) -> None:
    """Serve on 127.0.0.1 until the process is asked to end, and return then."""

    def end(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    # The server ends in good order and repeats the signal, which would be the end.
    signal.signal(signal.SIGTERM, end)
    with suppress(KeyboardInterrupt):
        uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


@contextmanager
def running(app: Starlette) -> Iterator[str]:
    """The address of a server on a free port, for the duration of the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        free.listen(128)
        server = uvicorn.Server(
            # Answers that break off are faults that somebody asked for.
            uvicorn.Config(app, log_level="critical", lifespan="off")
        )
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [free]}, daemon=True
        )
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{free.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            thread.join(5)


def _page(vendors: Sequence[Vendor]) -> str:
    parts = ["<!doctype html><meta charset=utf-8><title>crm360 sandbox</title>"]
    for vendor in vendors:
        parts.append(f"<h2>{html.escape(vendor.name)}</h2>")
        parts.append(f"<p>after {html.escape(vendor.documentation)}</p>")
        for name, members in vendor.holds().items():
            parts.append(f"<h3>{html.escape(name)}: {len(members):,} members</h3>")
            parts += [
                f"<pre>{html.escape(str(member))}</pre>" for member in members[:20]
            ]
    return "\n".join(parts)
