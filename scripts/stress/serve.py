"""Many clients at once ask a running ``covers serve``: no wrong answer, no 500, memory flat.

    python -m scripts.stress.serve --seconds 600 --clients 64

Uploads, ids and thumbnails mixed, bombs among them; in the middle the index is
rebuilt. Every answer is compared with the library's own. Prints JSON: counts by
status, p50 and p99 beside those of a bare server and of the library without one,
memory over time.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter, defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.documentation.examples import unpack_library

if TYPE_CHECKING:
    from collections.abc import Callable

BARE = """
import asyncio, sys
import uvicorn
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", lifespan="off")
"""


def png(width: int, height: int, n_bytes: int) -> bytes:
    """Return a PNG that promises more than it holds."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(b"\0" * n_bytes, 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + rows + chunk(b"IEND", b"")


BOMBS = (
    (png(60_000, 60_000, 1000), 415),
    (png(6000, 6000, 6000 * 18_001), 200),  # 36 megapixels, whole: let in, but heavy
    (png(4000, 4000, 10), 415),
    (b"\xff\xd8" + b"\xff\xda" * 100_000, 415),
    (b"no picture", 415),
    (b"\0" * (17 << 20), 413),
)
KINDS = {
    "search": 25,
    "classify": 15,
    "cover": 15,
    "thumbnail": 10,
    "upload": 15,
    "upload to search": 10,
    "bomb": 10,
}
MOST_GROWTH = 0.10
"""Of the memory, from the second quarter of the time to the last."""


class Expected:
    """What the library itself answers."""

    def __init__(self, root: Path) -> None:
        import covers

        library = covers.open(root / "workspace")
        self.ids = library.catalogue.cover_ids
        paths = library.catalogue.column("path")
        self.files = [(root / "covers" / path).read_bytes() for path in paths]
        _, vectors = library.embeddings()
        order = np.argsort(-(vectors @ vectors.T), axis=1, kind="stable")
        self.nearest = [
            {self.ids[i] for i in row[:8] if i != own} for own, row in enumerate(order)
        ]
        answers = library.classify(self.ids)
        self.likeliest = [answer.likeliest for answer in answers]
        self.margin = [
            float(np.diff(np.sort(list(answer.probabilities.values()))[-2:])[0])
            for answer in answers
        ]
        self.alone = self._time_alone(library)

    def _time_alone(self, library: Any, n: int = 40) -> dict[str, dict[str, float]]:
        """Time what requests ask for without a server, one after the other."""
        asks: dict[str, Callable[[int], object]] = {
            "search": lambda row: library.search(self.ids[row], 5).to_json(),
            "classify": lambda row: library.classify([self.ids[row]])[0].to_json(),
            "upload": lambda row: library.classify([self.files[row]])[0].to_json(),
            "network": lambda row: library.ask([self.files[row]]),
        }
        seconds = defaultdict(list)
        for name, ask in asks.items():
            for row in range(n + 1):
                begun = time.perf_counter()
                ask(row)
                seconds[name].append(time.perf_counter() - begun)
        return {name: percentiles(values[1:]) for name, values in seconds.items()}


class Client(threading.Thread):
    """One client: asks, compares, counts."""

    def __init__(self, port: int, expected: Expected, seed: int, until: float) -> None:
        super().__init__()
        self.port, self.expected, self.until = port, expected, until
        self.random = random.Random(seed)
        self.statuses: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.wrong: list[str] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        while time.monotonic() < self.until:
            (kind,) = self.random.choices([*KINDS], [*KINDS.values()])
            try:
                self._ask(connection, kind)
            except (OSError, http.client.HTTPException) as error:
                self.statuses[f"{kind} {type(error).__name__}"] += 1
                connection.close()
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, kind: str) -> None:
        row = self.random.randrange(len(self.expected.ids))
        own = self.expected.ids[row]
        path = {
            "search": f"/v1/search?id={own}&k=5",
            "classify": f"/v1/classify?id={own}",
            "cover": f"/v1/covers/{own}?k=5",
            "thumbnail": f"/v1/covers/{own}/thumbnail",
            "upload": "/v1/classify",
            "upload to search": "/v1/search?k=6",
            "bomb": "/v1/search",
        }[kind]
        body, wanted = None, 200
        if kind.startswith("upload"):
            body = self.expected.files[row]
        elif kind == "bomb":
            body, wanted = self.random.choice(BOMBS)
        begun = time.perf_counter()
        connection.request("POST" if body is not None else "GET", path, body)
        answer = connection.getresponse()
        content = answer.read()
        taken = time.perf_counter() - begun
        self.statuses[f"{kind} {answer.status}"] += 1
        if answer.status == 503:
            if answer.headers["Retry-After"] != "1":
                self.wrong.append("503 without Retry-After")
            time.sleep(self.random.uniform(0.2, 1.0))
            return
        self.seconds[kind].append(taken)
        if answer.status != wanted:
            self.wrong.append(f"{kind}: {answer.status} instead of {wanted}")
        elif kind != "bomb":
            self._compare(kind, row, content)

    def _compare(self, kind: str, row: int, content: bytes) -> None:
        if kind == "thumbnail":
            good = content[:2] == b"\xff\xd8"
        elif kind in {"classify", "upload"}:
            found = json.loads(content)["likeliest"]
            # A picture that is embedded alone may differ in the last digits.
            good = (
                found == self.expected.likeliest[row]
                or self.expected.margin[row] < 0.01
            )
        else:
            hits = json.loads(content)["neighbours"]
            found = {hit["cover_id"] for hit in hits} - {self.expected.ids[row]}
            good = len(found) == 5 and found <= self.expected.nearest[row]
        if not good:
            self.wrong.append(f"{kind} of {self.expected.ids[row]}")


@contextmanager
def server(command: list[str], port: int, path: str):
    """Run a server until it answers; give its process."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(1200):
                try:
                    connection = http.client.HTTPConnection(
                        "127.0.0.1", port, timeout=5
                    )
                    connection.request("GET", path)
                    connection.getresponse().read()
                    break
                except OSError:
                    time.sleep(0.1)
                finally:
                    connection.close()
            yield process
        finally:
            process.terminate()
            process.wait(30)


def memory_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return n, p50 and p99 in milliseconds."""
    if not seconds:
        return {"n": 0}
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    return {"n": len(seconds), "p50_ms": round(p50, 1), "p99_ms": round(p99, 1)}


def memory_over(samples: list[int]) -> dict[str, object]:
    """Return the memory in ten parts of the time, and by how much it grew."""
    parts = [int(np.median(part)) for part in np.array_split(samples, 10) if len(part)]
    half = len(samples) // 4
    second = float(np.median(samples[half : 2 * half] or samples))
    last = float(np.median(samples[-half:] or samples))
    growth = round(last / second - 1, 3)
    return {"mib": parts, "most_mib": max(samples), "growth": growth}


def generation_of(port: int) -> int:
    """Return the generation of the index that the service answers from."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", "/v1/health")
    found = json.loads(connection.getresponse().read())
    connection.close()
    return int(found["generation"])


def measure_bare(port: int, n_clients: int, seconds: float) -> dict[str, float]:
    """Time requests to a server that does nothing, from as many clients."""
    taken: list[float] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            begun = time.perf_counter()
            connection.request("GET", "/")
            connection.getresponse().read()
            taken.append(time.perf_counter() - begun)
            time.sleep(0.05)
        connection.close()

    with server([sys.executable, "-c", BARE, str(port)], port, "/"):
        clients = [threading.Thread(target=ask) for _ in range(n_clients)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    return percentiles(taken)


def stress(root: Path, *, n_clients: int, seconds: float) -> dict[str, Any]:
    """Serve a workspace to many clients; return what was seen."""
    from covers.cli.dashboard import find_port

    unpack_library(root)
    expected = Expected(root)
    port = find_port(18_600)
    bare = measure_bare(port, n_clients, min(5.0, seconds))
    place = ["-w", str(root / "workspace")]
    command = [sys.executable, "-m", "covers", "serve", "--port", str(port), *place]
    with server(command, port, "/v1/health") as process:
        first = generation_of(port)
        until = time.monotonic() + seconds
        clients = [Client(port, expected, seed, until) for seed in range(n_clients)]
        for client in clients:
            client.start()
        samples: list[int] = []
        rebuilding = None
        while time.monotonic() < until:
            samples.append(round(memory_mib(process.pid)))
            if rebuilding is None and time.monotonic() > until - seconds / 2:
                rebuild = [sys.executable, "-m", "covers", "index", "rebuild", *place]
                rebuilding = subprocess.Popen(rebuild, stdout=subprocess.DEVNULL)
            time.sleep(min(1.0, seconds / 100))
        for client in clients:
            client.join()
        is_rebuilt = rebuilding is not None and rebuilding.wait(120) == 0
        is_taken_up = generation_of(port) > first
        is_alive = process.poll() is None
    statuses: Counter[str] = Counter()
    times: dict[str, list[float]] = defaultdict(list)
    for client in clients:
        statuses.update(client.statuses)
        for kind, values in client.seconds.items():
            times[kind] += values
    return {
        "clients": n_clients,
        "seconds": seconds,
        "cores": len(os.sched_getaffinity(0)),
        "alive": is_alive,
        "rebuilt_and_taken_up": is_rebuilt and is_taken_up,
        "wrong": [text for client in clients for text in client.wrong][:20],
        "statuses": dict(sorted(statuses.items())),
        "times": {kind: percentiles(values) for kind, values in sorted(times.items())},
        "bare_server": bare,
        "without_a_server": expected.alone,
        "memory": memory_over(samples),
    }


def main() -> int:
    """Print what was seen; 0 when nothing was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=600)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = stress(Path(folder), n_clients=given.clients, seconds=given.seconds)
    print(json.dumps(found, indent=1))
    codes = ("200", "413", "415", "503")
    broken = [name for name in found["statuses"] if not name.endswith(codes)]
    good = found["alive"] and found["rebuilt_and_taken_up"]
    is_flat = found["memory"]["growth"] <= MOST_GROWTH
    return 0 if good and is_flat and not found["wrong"] and not broken else 1


if __name__ == "__main__":
    sys.exit(main())
