"""Faults of a network and of its servers, in a schedule or at random from a seed.

429, 500, 503, 401, ...  an answer of that status, and no effect
drop                     the connection ends, and there was no effect
lost                     the effect, and then the connection ends
slow                     the effect, and an answer later than anybody waits
html                     the effect, and a page instead of an answer
"""

import asyncio
import random
import threading
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Fault = int | str

#: What may happen to a request, as often as each other.
EVERY: tuple[Fault, ...] = (429, 500, 503, "drop", "lost", "html")


class Faults:
    """What becomes of the next requests; without any, nothing but what they ask for.

    Args:
        rate: share of requests that meet a fault of `kinds`, once the schedule is over.
        slow_seconds: how late an answer is that is `slow`.
    """

    def __init__(
        self,
        schedule: Iterable[Fault | None] = (),
        *,
        rate: float = 0.0,
        kinds: tuple[Fault, ...] = EVERY,
        seed: int = 1,
        slow_seconds: float = 30.0,
    ) -> None:
        self.schedule = list(schedule)
        self.rate, self.kinds, self.slow_seconds = rate, kinds, slow_seconds
        self.met: list[Fault] = []
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def next(self) -> Fault | None:
        """The fault of the next request, if it has one."""
        with self._lock:
            fault = (
                self.schedule.pop(0)
                if self.schedule
                else self._random.choice(self.kinds)
                if self._random.random() < self.rate
                else None
            )
            if fault is not None:
                self.met.append(fault)
            return fault


class FaultMiddleware:
    """Lets requests meet their faults before or after they had their effect."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app, self._faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as its fault wants, or as the application does."""
        if scope["type"] != "http" or scope["path"].startswith("/_"):
            await self._app(scope, receive, send)
            return
        fault = self._faults.next()
        if fault is None:
            await self._app(scope, receive, send)
        elif isinstance(fault, int):
            headers = [(b"retry-after", b"0")] if fault == 429 else []
            await _answer(send, fault, b"{}", headers)
        elif fault == "drop":
            await _end(send)
        else:
            await self._app(scope, receive, _nobody)
            if fault == "html":
                page = [(b"content-type", b"text/html")]
                await _answer(send, 200, b"<html>please log in</html>", page)
                return
            if fault == "slow":
                await asyncio.sleep(self._faults.slow_seconds)
            await _end(send)


async def _nobody(message: Message) -> None:
    """Takes an answer that nobody gets."""


async def _answer(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _end(send: Send) -> None:
    """An answer that breaks off: the server closes the connection."""
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
