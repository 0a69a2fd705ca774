"""What a vendor of the sandbox is: a memory, routes, and what it can show of them."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

Handler = Callable[[Request], Awaitable[Response]]


class Vendor(ABC):
    """One vendor's API below `/<name>`, by the rules that the vendor publishes.

    Its state is the subclass's own, and may be read by tests of the same process.
    """

    name: ClassVar[str]
    #: Where the rules are from, for whoever wants to check them.
    documentation: ClassVar[str]

    def __init__(self) -> None:
        self.lock = threading.RLock()
        #: Every request that reached it: method, path below its own, and its body.
        self.requests: list[tuple[str, str, Any]] = []
        #: How often each effect happened, by what names it: never more than once.
        self.effects: dict[str, int] = {}

    @abstractmethod
    def routes(self) -> Sequence[BaseRoute]:
        """Its addresses, below `/<name>`."""

    @abstractmethod
    def holds(self) -> dict[str, list[dict[str, Any]]]:
        """What it holds now: by list or audience, its members."""

    def happened(self, effect: str) -> None:
        """Count an effect that must happen once."""
        self.effects[effect] = self.effects.get(effect, 0) + 1


def refusal(status: int, document: dict[str, Any]) -> JSONResponse:
    """A vendor's way to say no."""
    return JSONResponse(document, status_code=status)
