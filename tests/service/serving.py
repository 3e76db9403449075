"""A service that really listens, in a thread of the tests."""

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager

import uvicorn

from covers.service.app import make_app
from covers.service.connections import server_settings


@contextmanager
def serving(library, *, bounds=None, **options):
    """Serve a library on a free port, as the command does; give ``(host, port)``."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", 0))
    settings = server_settings(**(bounds or {}))
    config = uvicorn.Config(make_app(library, **options), **settings)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield listening.getsockname()
    finally:
        server.should_exit = True
        thread.join(30)
        listening.close()


def ask(server, method, path, body=None, headers=()):
    """Send one request on a connection of its own; give status, headers and body."""
    connection = http.client.HTTPConnection(*server, timeout=60)
    names = {name.lower() for name, _ in headers}
    connection.putrequest(method, path, skip_host="host" in names)
    for name, value in headers:
        connection.putheader(name, value)
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    if body:
        connection.send(body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers, content


def ask_json(server, method, path, body=None, headers=()):
    """Send one request that is answered by JSON; give status and value."""
    status, _, content = ask(server, method, path, body, headers)
    return status, json.loads(content)
