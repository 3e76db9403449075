"""The running server refuses strangers, and says on each answer what browsers shall not do."""

import base64
import http.client
import os
import socket
from urllib.parse import urlparse

import pytest
from dashboard_browser import first_cover, serve, workspace  # noqa: F401


@pytest.fixture(scope="module")
def server(workspace):  # noqa: F811
    with serve(workspace.root) as url:
        address = urlparse(url)
        yield address.hostname, address.port, first_cover(workspace, "Jazz")


def ask(server, path, **headers):
    host, port, _ = server
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def paths(cover):
    return [
        "/",
        "/search",
        f"/covers/thumbnail/{cover}.jpg",
        f"/covers/about/{cover}.json",
        "/_stcore/health",
        "/_stcore/host-config",
        "/static/nothing.js",
    ]


@pytest.mark.parametrize("number", range(7))
def test_another_host_or_origin_is_refused_on_every_route(server, number):
    path = paths(server[2])[number]
    answer, _ = ask(server, path)
    assert answer.status in {200, 404}
    port = server[1]
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1:1", "127.0.0.1"):
        answer, body = ask(server, path, Host=host)
        assert answer.status == 403
        assert b"only" in body
    for origin in ("http://evil.example", f"http://127.0.0.1:{port + 1}", "null"):
        assert ask(server, path, Origin=origin)[0].status == 403


def test_answers_may_not_be_framed_guessed_or_load_from_elsewhere(server):
    for path in paths(server[2]):
        answer, _ = ask(server, path)
        policy = answer.getheader("Content-Security-Policy")
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("X-Frame-Options") == "DENY"


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:{port}", b"101"),
        ("http://127.0.0.1:{other}", b"403"),
        ("http://evil.example", b"403"),
    ],
)
def test_only_its_own_pages_open_its_socket(server, origin, status):
    host, port, _ = server
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        f"Origin: {origin.format(port=port, other=port + 1)}",
    ]
    with socket.create_connection((host, port), timeout=30) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        assert connection.recv(64).split()[1] == status
