"""The service answers as the library does, refuses what it must, and never falls over."""

import concurrent.futures
import contextlib
import json
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
import zlib

import pytest
from click.testing import CliRunner
from serving import ask, ask_json, serving

import covers
from covers.cli import main
from covers.cluster import stage as cluster
from covers.overlap import stage as overlap
from covers.service import answers
from covers.service.app import make_app
from covers.service.limits import Limits


@pytest.fixture(scope="module")
def library(drawn_once):
    opened = covers.open(drawn_once / "workspace")
    _ = opened.model  # as the command does, so that no request waits for it
    return opened


@pytest.fixture(scope="module")
def server(library):
    with serving(library) as address:
        yield address


@pytest.fixture(scope="module")
def picture(library, drawn_once):
    """A cover of the library: its id and the bytes of its file."""
    path = library.catalogue.column("path")[5]
    return library.catalogue.cover_ids[5], (drawn_once / "covers" / path).read_bytes()


def png_bomb(width, height, *, n_bytes=None):
    """A PNG whose header promises many pixels."""

    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\x00" * (n_bytes or (width * 3 + 1) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")  # fmt: skip


def test_a_search_by_id_and_by_picture_is_the_librarys(server, library, picture):
    cover_id, content = picture
    status, found = ask_json(server, "GET", f"/v1/search?id={cover_id}&k=4")
    expected = library.search(cover_id, 4)
    assert status == 200
    assert [hit["cover_id"] for hit in found["neighbours"]] == [
        h.cover_id for h in expected
    ]
    status, found = ask_json(server, "POST", "/v1/search?k=4", content)
    assert status == 200
    assert found["neighbours"] == library.search(content, 4).to_json()["neighbours"]
    genre = library.catalogue.vocab[0]
    status, found = ask_json(
        server, "GET", f"/v1/search?id={cover_id}&where=genre={genre.lower()}"
    )
    assert status == 200
    assert all(genre in hit["genres"] for hit in found["neighbours"])


def test_a_classification_is_the_librarys(server, library, picture):
    cover_id, content = picture
    for status, found in (
        ask_json(server, "GET", f"/v1/classify?id={cover_id}"),
        ask_json(server, "POST", "/v1/classify", content),
    ):
        assert status == 200
        (answer,) = library.classify([cover_id])
        assert found["likeliest"] == answer.likeliest
        assert [v["cover_id"] for v in found["voters"]] == [
            v.cover_id for v in answer.voters
        ]
        for method, p in answer.by_method.items():
            assert found["probabilities"][method] == pytest.approx(p, abs=1e-6)


def test_a_cover_its_thumbnail_and_the_analyses_are_shown(server, library, picture):
    cover_id, _ = picture
    status, found = ask_json(server, "GET", f"/v1/covers/{cover_id[:12]}?k=3")
    assert status == 200
    assert found["cover"]["cover_id"] == cover_id
    assert len(found["neighbours"]) == 3
    status, headers, content = ask(server, "GET", found["thumbnail"])
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    assert content == library.workspace.thumbnail_path(cover_id).read_bytes()
    status, found = ask_json(server, "GET", "/v1/overlap")
    assert status == 200
    stored = overlap.read(library.workspace).ranked()[0]
    assert found["pairs"][0]["overlap"] == pytest.approx(stored.overlap)
    status, found = ask_json(server, "GET", "/v1/clusters")
    assert status == 200
    assert found["clusters"][0]["n"] == cluster.read(library.workspace).ranked()[0].n
    status, found = ask_json(server, "GET", "/v1/health")
    assert (status, found["n_covers"]) == (200, 120)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", "/v1/search?id=ffffffff", None, 404, "no cover"),
        ("GET", "/v1/search?id=../../etc/passwd", None, 422, "pattern"),
        ("GET", "/v1/covers/manifest.csv", None, 422, "pattern"),
        ("GET", "/v1/covers/..%2f..%2fetc%2fpasswd", None, 404, "Not Found"),
        ("GET", "/v1/search/text?q=a%20red%20car", None, 404, "knows words"),
        ("GET", "/v1/search?id=aaaa&k=0", None, 422, "greater than"),
        ("POST", "/v1/search", b"", 415, "empty file"),
        ("POST", "/v1/search", b"no picture at all", 415, ""),
        ("POST", "/v1/classify", b"\xff\xd8\xff no picture", 415, ""),
        ("POST", "/v1/classify?level=2", b"x", 422, "less than"),
        ("DELETE", "/v1/search", None, 405, ""),
        ("GET", "/nowhere", None, 404, ""),
    ],
)  # fmt: skip
def test_a_wrong_request_is_told_why(server, method, path, body, status, said):
    got, found = ask_json(server, method, path, body)
    assert got == status
    assert said in json.dumps(found["detail"])


def test_an_unknown_column_is_named_and_no_path_is_told(server, picture, library):
    status, found = ask_json(
        server, "GET", f"/v1/search?id={picture[0]}&where=yaer=1990"
    )
    assert (status, "did you mean 'year'" in found["detail"]) == (400, True)
    status, found = ask_json(server, "GET", "/v1/search?id=ffffffff")
    assert str(library.workspace.root) not in found["detail"]


@pytest.mark.parametrize(
    ("bomb", "status"),
    [
        (png_bomb(60_000, 60_000, n_bytes=1000), 415),
        (png_bomb(7000, 7000, n_bytes=100), 415),
        (png_bomb(4000, 4000, n_bytes=10), 415),
        (png_bomb(4000, 60), 415),
        (b"\xff\xd8" + b"\xff\xda" * 4_000_000, 415),
        (b"\x00" * (17 << 20), 413),
    ],
    ids=["huge", "large", "hollow", "oblong", "scans", "bytes"],
)  # fmt: skip
def test_bombs_are_refused(server, bomb, status):
    assert ask_json(server, "POST", "/v1/classify", bomb)[0] == status
    assert ask_json(server, "GET", "/v1/health")[0] == 200


def test_a_body_without_a_length_is_counted_while_it_comes(server):
    with socket.create_connection(server, timeout=30) as wire:
        host = f"{server[0]}:{server[1]}"
        wire.sendall(f"POST /v1/search HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())  # fmt: skip
        piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        with contextlib.suppress(OSError):  # the answer came, and the rest was not read
            for _ in range(40):
                wire.sendall(piece)
        wire.settimeout(10)
        with contextlib.suppress(ConnectionResetError):
            assert b"413" in wire.recv(100)
    assert ask_json(server, "GET", "/v1/health")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        [("Host", "evil.example")],
        [("Host", "127.0.0.1:1")],
        [("Host", "localhost")],
        [("Host", "")],
        [("Origin", "http://evil.example")],
        [("Origin", "null")],
        [("Origin", "http://{own}"), ("Origin", "http://evil.example")],
        [("Host", "{own}"), ("Host", "evil.example")],
        [("X-Forwarded-Host", "127.0.0.1"), ("Host", "evil.example")],
    ],
)
@pytest.mark.parametrize(
    "path", ["/v1/health", "/v1/openapi.json", "/v1/overlap", "/x"]
)
def test_another_host_or_origin_is_refused_on_every_route(server, headers, path):
    own = f"{server[0]}:{server[1]}"
    sent = [(name, value.format(own=own)) for name, value in headers]
    status, got, content = ask(server, "GET", path, headers=sent)
    assert status in {400, 403}  # the parser itself refuses two hosts
    if status == 403:
        assert got["X-Content-Type-Options"] == "nosniff"
        assert "this server answers to" in json.loads(content)["detail"]


def test_a_host_in_capitals_is_the_same_host(server):
    host = [("Host", f"LocalHost:{server[1]}")]
    assert ask(server, "GET", "/v1/health", headers=host)[0] == 200


def test_answers_may_not_be_framed_or_guessed(server):
    for path in ("/v1/health", "/nowhere", "/v1/metrics"):
        _, headers, _ = ask(server, "GET", path)
        assert headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Server"] is None


def test_a_token_is_asked_for_everywhere_but_at_the_door(library, picture):
    token = "s3cret-" * 4
    with serving(library, token=token) as server:
        assert ask(server, "GET", "/v1/health")[0] == 200
        wrong = ["", "Bearer", "Bearer x", f"Basic {token}", f"Bearer {token}x", token, "Bearer \xff\xfe"]  # fmt: skip
        for path in ("/v1/overlap", "/v1/openapi.json", "/v1/metrics", "/nowhere"):
            status, headers, _ = ask(server, "GET", path)
            assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
            for value in wrong:
                assert (
                    ask(server, "GET", path, headers=[("Authorization", value)])[0]
                    == 401
                )
        right = [("Authorization", f"Bearer {token}")]
        assert ask(server, "GET", "/v1/overlap", headers=right)[0] == 200
        assert ask(server, "GET", "/v1/overlap", headers=right * 2)[0] == 401


def test_who_comes_when_it_is_full_is_sent_away_and_told_when_to_return(
    library, picture, monkeypatch
):
    from covers.service.handler import RequestHandler

    gate = threading.Event()
    real = RequestHandler.search_cover

    def slow(self, *arguments):
        gate.wait(20)
        return real(self, *arguments)

    monkeypatch.setattr(RequestHandler, "search_cover", slow)
    limits = Limits(n_workers=1, n_waiting=2)
    with serving(library, limits=limits) as server, concurrent.futures.ThreadPoolExecutor(9) as clients:  # fmt: skip
        path = f"/v1/search?id={picture[0]}"
        asked = [clients.submit(ask, server, "GET", path) for _ in range(9)]
        done, _ = concurrent.futures.wait(asked, timeout=5)
        assert len(done) == 6
        for one in done:
            status, headers, _ = one.result()
            assert (status, headers["Retry-After"]) == (503, "1")
        gate.set()
        assert sorted(one.result()[0] for one in asked) == [200] * 3 + [503] * 6
        assert ask(server, "GET", path)[0] == 200


def test_a_new_generation_is_answered_from_without_a_restart(drawn_once, tmp_path):
    shutil.copytree(drawn_once / "workspace", tmp_path / "workspace")
    library = covers.open(tmp_path / "workspace")
    with serving(library) as server:
        _, before = ask_json(server, "GET", "/v1/health")
        gone = str(library.index.ids[0])
        covers.open(tmp_path / "workspace").index.remove([gone])
        _, after = ask_json(server, "GET", "/v1/health")
        assert after["generation"] > before["generation"]
        assert after["n_covers"] == 119
        assert ask(server, "GET", f"/v1/covers/{gone}")[0] == 404


def test_answers_are_never_mixed_of_two_generations(drawn_once, tmp_path):
    shutil.copytree(drawn_once / "workspace", tmp_path / "workspace")
    library = covers.open(tmp_path / "workspace")
    ids = [str(item) for item in library.index.ids]
    asked, others = ids[:8], ids[8:]
    with (
        serving(library) as server,
        concurrent.futures.ThreadPoolExecutor(8) as clients,
    ):

        def ask_often(cover_id):
            return [
                ask(server, "GET", f"/v1/classify?id={cover_id}") for _ in range(12)
            ]

        running = [clients.submit(ask_often, one) for one in asked]
        writer = covers.open(tmp_path / "workspace").index
        for one in others[:20]:
            writer.remove([one])
        answers = [answer for one in running for answer in one.result()]
    assert {status for status, _, _ in answers} == {200}
    left = set(ids) - set(others[:20])
    last = [json.loads(body) for _, _, body in answers[-3:]]
    assert all(v["cover_id"] in set(ids) for answer in last for v in answer["voters"])
    (answer,) = covers.open(tmp_path / "workspace").classify([asked[0]])
    assert {v.cover_id for v in answer.voters} <= left


def test_what_is_counted_is_what_was_asked(server, picture):
    def counted():
        text = ask(server, "GET", "/v1/metrics")[2].decode()
        pattern = r'covers_requests_total\{route="/v1/overlap",status="200"\} ([0-9.]+)'
        found = re.search(pattern, text)
        return float(found[1]) if found else 0.0, text

    before, _ = counted()
    for _ in range(3):
        ask(server, "GET", "/v1/overlap")
    ask(server, "GET", "/secret-path-of-a-stranger")
    after, text = counted()
    assert after - before == 3
    assert "secret-path" not in text


def test_a_half_made_library_is_not_ready(drawn_once, tmp_path):
    shutil.copytree(drawn_once / "workspace", tmp_path / "workspace")
    with serving(covers.open(tmp_path / "workspace")) as server:
        (tmp_path / "workspace/analysis/overlap.json").unlink()
        assert ask_json(server, "GET", "/v1/overlap") == (404, {"detail": "this was not measured yet"})  # fmt: skip
        shutil.rmtree(tmp_path / "workspace/index")
        status, headers, content = ask(server, "GET", "/v1/health")
        assert (status, headers["Retry-After"]) == (503, "1")
        assert str(tmp_path) not in content.decode()
        assert ask(server, "GET", "/v1/overlap")[0] == 503  # more than that is missing


def test_examples_are_what_they_are_examples_of():
    models = [one for one in vars(answers).values() if isinstance(one, type)]
    models = [one for one in models if issubclass(one, answers.BaseModel)]
    shown = [
        (model, example)
        for model in models
        for example in (model.model_config.get("json_schema_extra") or {}).get(
            "examples", []
        )
    ]
    assert len(shown) >= 2
    for model, example in shown:
        assert model.model_validate(example).model_dump() == example


def test_the_schema_says_that_a_token_is_needed(library):
    def described(**options):
        return make_app(library, **options).openapi()

    with_token = described(token="s3cret-" * 4)
    scheme = with_token["components"]["securitySchemes"]["HTTPBearer"]
    assert scheme == {"type": "http", "scheme": "bearer"}
    assert with_token["paths"]["/v1/overlap"]["get"]["security"] == [{"HTTPBearer": []}]
    without = described()
    assert "securitySchemes" not in without["components"]
    for schema, codes in ((with_token, {"401", "403", "431"}), (without, {"403", "431"})):  # fmt: skip
        for path in schema["paths"].values():
            for method in path.values():
                assert codes <= set(method["responses"])
    assert "401" not in without["paths"]["/v1/overlap"]["get"]["responses"]


@pytest.mark.slow
@pytest.mark.parametrize("known", [False, True])
def test_the_schema_holds_against_generated_requests(library, tmp_path, known):
    """Schemathesis asks what the OpenAPI document allows, and what it forbids."""
    # What fits the schema may still be no picture, or a filter by no column.
    config = "[checks.positive_data_acceptance]\n"
    config += 'expected-statuses = ["2xx", 400, 404, 413, 415]\n'
    if known:
        own = library.catalogue.cover_ids[0]
        config += f'[parameters]\n"query.id" = "{own}"\n"path.cover_id" = "{own}"\n'
    (tmp_path / "schemathesis.toml").write_text(config)
    with serving(library) as server:
        url = f"http://{server[0]}:{server[1]}/v1/openapi.json"
        command = [sys.executable, "-m", "schemathesis.cli", "run", url]
        command += [
            "--checks",
            "all",
            "--max-examples",
            "20",
            "--seed",
            "1",
            "--no-color",
        ]
        command += ["--request-timeout", "60"]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "set a token"),
        (["--token", "short"], "16 or more"),
        (["--token", "é" * 20], "letters and digits"),
        (["--allow-host", "http://covers.example/"], "covers.example:8600"),
    ],
)
def test_an_unsafe_start_is_refused(library, options, said):
    command = ["serve", "-w", str(library.workspace.root), *options]
    done = CliRunner().invoke(main, command)
    assert (done.exit_code, said in done.output) == (1, True)


def test_a_half_made_workspace_and_a_taken_port_are_one_line(library, tmp_path, server):
    done = CliRunner().invoke(main, ["serve", "-w", str(tmp_path)])
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    command = ["serve", "-w", str(library.workspace.root), "--port", str(server[1])]
    done = CliRunner().invoke(main, command)
    assert (done.exit_code, "is taken" in done.output) == (1, True)


def test_an_address_of_another_machine_is_refused_before_it_is_announced(library):
    command = ["serve", "-w", str(library.workspace.root), "--token", "s3cret-" * 4]
    done = CliRunner().invoke(main, [*command, "--host", "192.0.2.1"])
    assert done.exit_code == 1
    assert done.output.startswith("Error: cannot listen on '192.0.2.1'")
    assert done.output.count("\n") == 1


def test_the_command_serves_and_ends_on_a_signal(library, picture):
    command = [sys.executable, "-m", "covers", "serve", "--json"]
    command += ["-w", str(library.workspace.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        text = ""
        while not text.endswith("}\n"):
            line = server.stdout.readline()
            assert line, "it ended"
            text += line
        url = json.loads(text)["url"]
        for _ in range(100):
            try:
                with urllib.request.urlopen(f"{url}/v1/health", timeout=5) as answer:
                    assert json.load(answer)["status"] == "ok"
                break
            except OSError:
                threading.Event().wait(0.1)
        server.terminate()
        assert server.wait(30) in {0, -15}
