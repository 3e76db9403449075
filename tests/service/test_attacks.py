"""Clients that mean harm: slow, endless, many, gone in the middle, and pictures that cost."""

import contextlib
import gzip
import json
import re
import socket
import struct
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from serving import ask, ask_json, serving

import covers
from covers.service import limits
from covers.service.limits import Limits

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.stress.costly_pictures import jpeg, png, saved


@pytest.fixture(scope="module")
def library(drawn_once):
    opened = covers.open(drawn_once / "workspace")
    _ = opened.model
    return opened


@pytest.fixture(scope="module")
def server(library):
    with serving(library) as address:
        yield address


@contextlib.contextmanager
def wire(server):
    with socket.create_connection(server, timeout=20) as one:
        yield one


def head(server, line, *headers):
    lines = [line, f"Host: {server[0]}:{server[1]}", *headers]
    return ("\r\n".join(lines) + "\r\n").encode()


def is_closed_within(connection, seconds):
    """Say whether the other side closes; what it sends before is read."""
    connection.settimeout(seconds)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


def is_fine(server):
    return ask_json(server, "GET", "/v1/health")[0] == 200


def counted(server, status):
    """Return how many requests were answered by a status, of all routes."""
    text = ask(server, "GET", "/v1/metrics")[2].decode()
    found = re.findall(rf'covers_requests_total{{.*status="{status}"}} ([0-9.]+)', text)
    return sum(map(float, found))


@pytest.mark.parametrize(
    "sent", [b"", b"GET /v1/health HTT", b"GET /v1/health HTTP/1.1\r\nHost: "]
)
def test_a_head_that_does_not_come_is_waited_for_once(library, sent):
    with serving(library, bounds={"head_s": 1.0}) as server, wire(server) as slow:
        is_closed = False
        for _ in range(300):  # a wait that begins anew with each byte has no end
            try:
                slow.sendall(sent[:1] or b"")
            except ConnectionError:
                is_closed = True
                break
            sent = sent[1:] or sent
            time.sleep(0.1)
            assert is_fine(server)
            if is_closed := is_closed_within(slow, 0.05):
                break
        assert is_closed


def test_a_second_request_on_a_connection_must_come_too(library):
    with serving(library, bounds={"head_s": 1.0}) as server, wire(server) as slow:
        slow.sendall(head(server, "GET /v1/health HTTP/1.1") + b"\r\n")
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")
        slow.sendall(b"G")
        assert is_closed_within(slow, 5)


def test_whoever_asks_is_answered_however_many_idle_connections_there_are(library):
    with (
        serving(library, bounds={"most": 20, "head_s": 90}) as server,
        contextlib.ExitStack() as kept,
    ):
        idle = [kept.enter_context(wire(server)) for _ in range(80)]
        for _ in range(5):
            assert is_fine(server)
        are_closed = [is_closed_within(one, 0.01) for one in idle]
        assert sum(are_closed) >= 60
        assert all(are_closed[:40])  # the oldest went first
        assert not all(are_closed[-10:])


@pytest.mark.parametrize(
    "endless", [b"x" * 1000, b"X-More: and more\r\n", b" folded\r\n"]
)
def test_headers_without_an_end_are_cut_off(server, endless):
    with wire(server) as greedy:
        greedy.sendall(head(server, "GET /v1/health HTTP/1.1"))
        n_sent = 0
        with contextlib.suppress(OSError):
            while n_sent < 5_000_000:
                greedy.sendall(endless)
                n_sent += len(endless)
        assert n_sent < 5_000_000
        assert is_closed_within(greedy, 5)
    assert is_fine(server)


@pytest.mark.parametrize(
    "large", [[("X", "x" * 20_000)], [(f"X-{n}", "y") for n in range(3000)]]
)
def test_a_large_head_is_refused_even_where_it_comes_in_one_piece(server, large):
    status, headers, content = ask(server, "GET", "/v1/health", headers=large)
    assert (status, headers["X-Content-Type-Options"]) == (431, "nosniff")
    assert "too large" in json.loads(content)["detail"]


def test_an_address_without_an_end_is_cut_off(server):
    with wire(server) as greedy, contextlib.suppress(ConnectionError):
        greedy.sendall(b"GET /v1/search?id=" + b"a" * 200_000)
        assert greedy.recv(100).startswith(b"HTTP/1.1 400")


def test_slow_uploads_keep_nobody_from_asking(library, monkeypatch):
    monkeypatch.setattr(limits, "SHORTEST_UPLOAD_S", 1.0)
    own = library.catalogue.cover_ids[0]
    few = Limits(n_workers=1, n_waiting=1, n_uploading=3)
    with serving(library, limits=few) as server, contextlib.ExitStack() as kept:
        start = head(server, "POST /v1/classify HTTP/1.1", "Content-Length: 90000")
        slow = [kept.enter_context(wire(server)) for _ in range(3)]
        for one in slow:
            one.sendall(start + b"\r\n\xff\xd8")
        time.sleep(0.2)
        assert ask(server, "GET", f"/v1/search?id={own}")[0] == 200
        status, headers, _ = ask(server, "POST", "/v1/classify", b"no picture")
        assert (status, headers["Retry-After"]) == (503, "1")
        time.sleep(1.0)  # the slow ones had their time
        assert ask(server, "POST", "/v1/classify", b"no picture")[0] == 415
        slow[0].settimeout(5)
        assert slow[0].recv(100).startswith(b"HTTP/1.1 408")


def test_an_upload_that_never_ends_is_given_up(library, monkeypatch):
    monkeypatch.setattr(limits, "LONGEST_UPLOAD_S", 0.5)
    with serving(library) as server, wire(server) as slow:
        slow.sendall(
            head(server, "POST /v1/search HTTP/1.1", "Content-Length: 9") + b"\r\nx"
        )
        slow.settimeout(5)
        assert slow.recv(100).startswith(b"HTTP/1.1 408")


def test_who_leaves_in_the_middle_of_an_upload_is_no_error_of_the_server(
    server, caplog
):
    before = counted(server, 500)
    for _ in range(5):
        with wire(server) as gone:
            start = head(server, "POST /v1/search HTTP/1.1", "Content-Length: 9000")
            gone.sendall(start + b"\r\nhalf a picture")
            time.sleep(0.1)
    time.sleep(0.3)
    assert is_fine(server)
    assert counted(server, 500) == before
    assert "Traceback" not in caplog.text


def test_an_answer_that_nobody_reads_is_dropped(library):
    own = library.catalogue.cover_ids[0]
    bounds = {"pause_s": 0.5, "most": 50}
    with serving(library, bounds=bounds) as server:
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(server)
        request = head(server, f"GET /v1/covers/{own}?k=100 HTTP/1.1") + b"\r\n"
        deaf.settimeout(2)
        with deaf:
            with contextlib.suppress(OSError):
                for _ in range(400):
                    deaf.sendall(request)
            time.sleep(1.5)
            assert is_fine(server)
            assert was_dropped(deaf, request)


def was_dropped(connection, request):
    """Say whether the other side takes nothing more within a minute: without a buffer that shows."""
    last = time.monotonic() + 60
    while time.monotonic() < last:
        try:
            connection.sendall(request)
            time.sleep(0.1)
        except TimeoutError:
            continue  # on a busy machine the pause is noticed late
        except OSError:
            return True
    return False


def test_requests_sent_at_once_are_answered_in_order(server, library):
    ids = library.catalogue.cover_ids[:6]
    with wire(server) as quick:
        for own in ids:
            quick.sendall(head(server, f"GET /v1/covers/{own}?k=1 HTTP/1.1") + b"\r\n")
        got = b""
        deadline = time.monotonic() + 20
        while got.count(b'"thumbnail"') < 6 and time.monotonic() < deadline:
            got += quick.recv(65536)
    shown = re.findall(rb"/v1/covers/([0-9a-f]{32})/thumbnail", got)
    assert [one.decode() for one in shown] == ids


@pytest.mark.parametrize(
    "lengths",
    [
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Content-Length: 4", "Content-Length: 90"),
        ("Content-Length: -1",),
        ("Content-Length: 4x",),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    ],
)
def test_a_body_of_doubtful_length_never_hides_a_second_request(server, lengths):
    hidden = head(server, "GET /v1/overlap HTTP/1.1") + b"\r\n"
    with wire(server) as sly:
        sly.sendall(head(server, "POST /v1/search HTTP/1.1", *lengths) + b"\r\n")
        sly.sendall(b"0\r\n\r\n" + hidden)
        sly.settimeout(3)
        got = b""
        with contextlib.suppress(OSError):
            while part := sly.recv(65536):
                got += part
    assert b" 500 " not in got
    # Read by its chunks, what follows is a request of its own; else all is refused.
    statuses = re.findall(rb"HTTP/1.1 (\d+)", got)
    assert statuses in ([b"400"], [b"501"], [b"415", b"200"], [b"415", b"400"])


@pytest.mark.parametrize(
    "path",
    [
        "/v1/covers/../../../etc/passwd",
        "/v1/covers/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/v1/covers/..%5c..%5cwindows",
        "/v1/covers/%00/thumbnail",
        "/v1/covers/aaaa%0a/thumbnail",
        "/v1/covers/AAAA",
        "/v1/covers/aaaa%00.jpg",
        "/v1/covers//thumbnail",
        "//v1/covers/aaaa",
        "/v1/search?id=aaaa%0d%0aSet-Cookie:%20a=b",
        "/v1/search?id=" + "a" * 33,
        "/v1/search?id=aaaa&id=../x",
        "/v1/search?id=%F0%9F%98%80",
        "/v1/covers/%ff%fe",
        "/v1/thumbnails/catalogue.parquet",
        "/docs",
    ],
)
def test_an_id_is_an_id_and_no_path(server, path):
    status, headers, content = ask(server, "GET", path)
    assert status in {404, 422}
    assert "Set-Cookie" not in headers
    assert b"root:" not in content


SIDE = 6300  # just below what is let in


def scans(n, side=200):
    """A JPEG whose last scan comes again and again."""
    plain = Image.new("RGB", (side, side), (90, 20, 30))
    whole = saved(plain, "JPEG", progressive=True, quality=30)
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + scan * n + b"\xff\xd9"


def exif(n):
    part = b"\xff\xe1" + struct.pack(">H", 16) + b"Exif\x00\x00II*\x00\x08\x00\x00\x00"
    return jpeg()[:2] + part * n + jpeg()[2:]


COSTLY = {
    "png": lambda: png(SIDE, SIDE, 8, 2),
    "png-line": lambda: png(1, 30_000_000, 8, 0, n_rows=100),
    "gif": lambda: saved(Image.new("P", (SIDE, SIDE), 3), "GIF"),
    "bmp": lambda: saved(Image.new("1", (SIDE, SIDE), 1), "BMP"),
    "tiff": lambda: saved(Image.new("F", (3000, 3000)), "TIFF", compression="tiff_lzw"),
    "webp": lambda: saved(Image.new("RGB", (SIDE, SIDE)), "WEBP", quality=1, method=0),
    "avif": lambda: saved(Image.new("RGB", (2000, 2000)), "AVIF", quality=1, speed=10),
    "scans": lambda: scans(3000),
    "as-many-scans-as-allowed": lambda: scans(14, SIDE),
    "exif": lambda: exif(3000),
}


@pytest.mark.parametrize("kind", COSTLY)
def test_pictures_made_to_cost_are_answered_soon(server, kind):
    content = COSTLY[kind]()
    begun = time.process_time()
    status, answer = ask_json(server, "POST", "/v1/search?k=1", content)
    assert status in {200, 413, 415}, answer
    assert time.process_time() - begun < 8  # the service runs in this process
    assert is_fine(server)


def test_a_packed_body_is_not_unpacked(server):
    packed = gzip.compress(b"\0" * 100_000_000, mtime=0)  # a time may hold a new line
    sent = [("Content-Encoding", "gzip"), ("Content-Length", str(len(packed)))]
    status, answer = ask_json(server, "POST", "/v1/search", packed, headers=sent)
    assert (status, json.dumps(answer["detail"]).count("\\n")) == (415, 0)
