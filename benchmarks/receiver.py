"""The sandbox's webhook receiver in a process of its own; prints its address.

    python -m benchmarks.receiver RATE

`/_counts` says how many members it has, how many effects happened twice, and how many
faults were met.
"""

import signal
import sys

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.receiver import WebhookReceiver
from orchestration.lib.sandbox.server import application, running


def main(rate: float) -> None:
    """Serve until asked to end."""
    receiver, faults = WebhookReceiver(), Faults(rate=rate)

    async def counts(request: Request) -> Response:
        return JSONResponse(
            {
                "members": sum(map(len, receiver.members.values())),
                "doubled": sum(count - 1 for count in receiver.effects.values()),
                "faults": len(faults.met),
            }
        )

    app = application([receiver], faults)
    app.router.routes.append(Route("/_counts", counts))
    with running(app) as url:
        print(url, flush=True)
        signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main(float(sys.argv[1]))
