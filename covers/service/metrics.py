"""Counting requests for Prometheus."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from covers.service.limits import Pool

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Meter:
    """The counters of one service."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()
        self.requests = Counter(
            "covers_requests_total",
            "Requests by route and status.",
            ["route", "status"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "covers_request_seconds",
            "Time from the head of a request to the end of its answer.",
            ["route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.inside = Gauge(
            "covers_requests_inside",
            "Requests that are worked on or wait for a worker.",
            registry=self._registry,
        )

    def show(self) -> tuple[bytes, str]:
        """Return the figures in Prometheus' text format, and its media type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def middleware(self, app: ASGIApp, pool: Pool) -> ASGIApp:
        """Return an ASGI application that counts what another answers."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            begun = time.perf_counter()
            status = "500"

            async def listen(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = str(message["status"])
                await send(message)

            self.inside.set(pool.n_inside)
            try:
                await app(scope, receive, listen)
            finally:
                # The route and not the path: what strangers type makes no new series.
                route: Any = getattr(scope.get("route"), "path", "other")
                self.requests.labels(route, status).inc()
                self.seconds.labels(route).observe(time.perf_counter() - begun)
                self.inside.set(pool.n_inside)

        return counted
