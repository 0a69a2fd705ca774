"""What vendors with a JSON API have in common: who asks, how often, how much."""

import json
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestration.lib.sandbox.vendor import Vendor


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request as it arrived."""

    method: str
    #: Below the vendor's own, without the query.
    path: str
    #: What the address names, such as a list.
    names: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    #: The JSON, or None.
    body: Any
    #: Length of the body in bytes.
    size: int


class RateLimit:
    """At most so many requests within so many seconds."""

    def __init__(self, requests: int, seconds: float) -> None:
        self.requests, self.seconds = requests, seconds
        self._times: deque[float] = deque()

    def seconds_to_wait(self) -> float:
        """How long until the next request is let through; 0 lets it through."""
        now = time.monotonic()
        while self._times and self._times[0] <= now - self.seconds:
            self._times.popleft()
        if len(self._times) >= self.requests:
            return self._times[0] + self.seconds - now
        self._times.append(now)
        return 0.0


class JsonApi(Vendor):
    """A vendor whose requests and answers are JSON.

    Args:
        limits: of requests; beyond them a request is refused with `Retry-After`.
    """

    def __init__(self, *limits: RateLimit) -> None:
        super().__init__()
        self.limits = list(limits)

    @abstractmethod
    def refuses(self, call: Call) -> Response | None:
        """The refusal of a request that is not let in: credentials, size, form."""

    @abstractmethod
    def too_many(self) -> Response:
        """The refusal of a request that comes too soon."""

    def time_passes(self) -> None:
        """What goes on by itself, whether anybody asks for it or not: jobs.

        The vendor's time is the requests that it answers.
        """

    def route(
        self, method: str, path: str, answer: Callable[[Call], Response]
    ) -> Route:
        """An address that is answered by a method of the vendor, one at a time."""

        async def endpoint(request: Request) -> Response:
            raw = await request.body()
            try:
                body = json.loads(raw) if raw else None
            except ValueError:
                body = raw
            call = Call(
                method=request.method,
                path=request.url.path.removeprefix(f"/{self.name}"),
                names=request.path_params,
                query=dict(request.query_params),
                headers=request.headers,
                body=body,
                size=len(raw),
            )
            return await run_in_threadpool(self._answer, call, answer)

        return Route(path, endpoint, methods=[method])

    def _answer(self, call: Call, answer: Callable[[Call], Response]) -> Response:
        with self.lock:
            self.requests.append((call.method, call.path, call.body))
            if refused := self.refuses(call):
                return refused
            wait = max((limit.seconds_to_wait() for limit in self.limits), default=0.0)
            if wait > 0:
                response = self.too_many()
                response.headers["retry-after"] = str(int(wait) + 1)
                return response
            self.time_passes()
            return answer(call)
