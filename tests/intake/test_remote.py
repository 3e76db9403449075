"""Covers in an object store and behind a web server give the catalogue that a folder gives."""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from painted import TINY_ARCH, paint_genres

from covers.catalogue.table import read_catalogue
from covers.cli import main
from covers.errors import ConfigError, DataError
from covers.images.locations import read_cover
from covers.intake.scan import ScanOptions, scan_workspace
from covers.model.embedding_table import read_embeddings
from covers.workspace import remote
from covers.workspace.paths import Workspace
from covers.workspace.remote import RemotePath

BUCKET = "s3://covers-test"


@pytest.fixture(scope="module")
def store():
    """An object store on this machine, and what was asked of it."""
    from moto.server import ThreadedMotoServer

    patch = pytest.MonkeyPatch()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    asked = []
    server.start()
    host, port = server.get_host_and_port()
    inner = server._server.app
    server._server.app = lambda environ, start: (
        asked.append((environ["REQUEST_METHOD"], environ["PATH_INFO"])),
        inner(environ, start),
    )[1]
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "drawn",
        "AWS_SECRET_ACCESS_KEY": "drawn",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        patch.setenv(name, value)
    remote.filesystem.cache_clear()
    remote.filesystem("s3").mkdir("covers-test")
    yield asked
    remote.filesystem.cache_clear()
    server.stop()
    patch.undo()


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch):
    monkeypatch.setenv(remote.HOSTS, "")


@pytest.fixture
def folder(tmp_path):
    made = paint_genres(tmp_path / "by-genre", n_each=4)
    (made / "Jazz" / "notes.txt").write_text("no picture")
    (made / "Pop" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    (made / "Pop" / "empty.jpg").write_bytes(b"")
    return made


@pytest.fixture
def bucket(store, folder):
    files = remote.filesystem("s3")
    files.put(str(folder), "covers-test/by-genre", recursive=True)
    yield f"{BUCKET}/by-genre"
    files.rm("covers-test/by-genre", recursive=True)
    store.clear()


def rows(root):
    """Return the catalogue, without what tells changed files apart."""
    rows = read_catalogue(Workspace.open(root)).table.to_pylist()
    for row in rows:
        for location in row["locations"]:
            del location["mtime_ns"]
    return rows


def scan(root, place, **options):
    return scan_workspace(
        root, [RemotePath.of(place)] if place else [], options=ScanOptions(**options)
    )


def pictures_asked(store):
    return [path for method, path in store if method == "GET" and "." in path]


def test_a_bucket_gives_the_catalogue_of_the_folder(bucket, folder, tmp_path, store):
    scan_workspace(tmp_path / "local", [folder])
    ran = CliRunner().invoke(
        main, ["scan", bucket, "-w", str(tmp_path / "remote"), "--json"]
    )
    assert ran.exit_code == 0, ran.output
    assert rows(tmp_path / "remote") == rows(tmp_path / "local")
    problems = [
        (tmp_path / name / "problems.csv").read_text() for name in ("local", "remote")
    ]
    assert problems[0] == problems[1]
    text = (tmp_path / "remote" / "covers.toml").read_text()
    assert f'path = "{bucket}"' in text
    assert "drawn" not in text  # no key of the store


@pytest.mark.slow
def test_a_whole_run_on_a_bucket_ends_as_on_the_folder(store, tmp_path, monkeypatch):
    made = paint_genres(tmp_path / "by-genre", n_each=14)
    remote.filesystem("s3").put(str(made), "covers-test/whole", recursive=True)
    given = ["--arch", TINY_ARCH, "--weights", "none", "--image-size", "32"]
    given += ["--epochs", "0", "--device", "cpu", "--no-analysis"]
    root = tmp_path / "ws"
    address = f"{BUCKET}/whole"
    ran = CliRunner().invoke(main, ["run", address, "-w", str(root), *given])
    assert ran.exit_code == 0, ran.output
    scan_workspace(tmp_path / "local", [made])
    ours, theirs = rows(root), rows(tmp_path / "local")
    for row in [*ours, *theirs]:  # named after the last part of each address
        del row["source"]
        del row["locations"][0]["source"]
    assert ours == theirs
    table = read_embeddings(Workspace.open(root))
    assert sorted(table.cover_ids) == sorted(row["cover_id"] for row in theirs)
    monkeypatch.setenv(remote.HOSTS, "covers-test")
    store.clear()
    again = CliRunner().invoke(main, ["run", "-w", str(root)])
    assert again.exit_code == 0, again.output
    assert pictures_asked(store) == []


def test_the_second_scan_transfers_no_picture(bucket, tmp_path, store):
    scan(tmp_path / "ws", bucket)
    store.clear()
    again = scan(tmp_path / "ws", None)
    assert (again.n_read, again.n_covers) == (0, 12)
    assert pictures_asked(store) == []
    (tmp_path / "ws" / "scan.json").unlink()  # and not because nothing is looked at
    store.clear()
    assert scan(tmp_path / "ws", None).n_read == 0
    assert pictures_asked(store) == []


def test_a_changed_object_of_the_same_size_is_read_again(
    bucket, folder, tmp_path, store
):
    scan(tmp_path / "ws", bucket)
    files = remote.filesystem("s3")
    key = "covers-test/by-genre/Jazz/jazz-000.png"
    content = bytearray(files.cat_file(key))
    content[-20] ^= 1  # still as long
    files.pipe_file(key, bytes(content))
    store.clear()
    again = scan(tmp_path / "ws", None)
    assert again.n_read == 1
    assert {path.rpartition("/")[2] for path in pictures_asked(store)} == {
        "jazz-000.png"
    }


def test_a_manifest_in_a_bucket_names_its_pictures(bucket, tmp_path, store):
    lines = ["path,genre", "Jazz/jazz-000.png,Bebop", f"{bucket}/Pop/pop-001.png,Pop"]
    lines += ["Jazz/absent.png,Jazz", "../secret.png,Jazz", "/etc/passwd,Jazz"]
    remote.filesystem("s3").pipe_file(
        "covers-test/by-genre/manifest.csv", "\n".join(lines).encode()
    )
    report = scan(tmp_path / "ws", bucket)  # the folder's manifest is found
    assert report.n_covers == 2
    found = [row["path"] for row in rows(tmp_path / "ws")]
    assert sorted(found) == ["Jazz/jazz-000.png", "Pop/pop-001.png"]
    problems = (tmp_path / "ws" / "problems.csv").read_text()
    for path in ("absent.png", "../secret.png", "/etc/passwd"):
        assert path in problems
    store.clear()
    assert scan(tmp_path / "ws", None).n_read == 0
    assert {p.rpartition("/")[2] for p in pictures_asked(store)} <= {"manifest.csv"}


def test_a_table_of_this_machine_names_pictures_in_a_bucket(bucket, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("path,genre\nJazz/jazz-000.png,Jazz\nPop/pop-001.png,Pop\n")
    done = CliRunner().invoke(
        main, ["scan", str(table), "--root", bucket, "-w", str(tmp_path / "ws")]
    )
    assert done.exit_code == 0, done.output
    assert len(read_catalogue(Workspace.open(tmp_path / "ws"))) == 2


def test_pictures_of_a_bucket_come_from_it_where_named_else_from_thumbnails(
    bucket, folder, tmp_path, monkeypatch, store
):
    from covers.library.library import Library

    scan(tmp_path / "ws", bucket)
    workspace = Workspace.open(tmp_path / "ws")
    catalogue = read_catalogue(workspace)
    cover_id = catalogue.cover_ids[0]
    places = catalogue.table.column("locations")[0].as_py()
    content = (folder / places[0]["path"]).read_bytes()
    assert read_cover(workspace, cover_id, places) == content
    monkeypatch.setenv(remote.HOSTS, "")  # as in a dashboard of a stranger's workspace
    store.clear()
    with pytest.raises(DataError, match=f"set {remote.HOSTS}=covers-test"):
        read_cover(workspace, cover_id, places)
    assert Library(workspace).picture_of(cover_id).width > 0
    with pytest.raises(DataError, match=r"named by 'covers\.toml' only"):
        scan(tmp_path / "ws", None)
    assert store == []
    monkeypatch.setenv(remote.HOSTS, "covers-test")
    assert scan(tmp_path / "ws", None).n_covers == 12


def test_offline_refuses_what_lies_across_the_network(tmp_path):
    for given in (["s3://bucket/x"], []):
        done = CliRunner().invoke(
            main, ["run", *given, "--offline", "-w", str(tmp_path / "ws")]
        )
        assert done.exit_code == 1
        assert "source 's3://bucket/x' lies across the network" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        (tmp_path / "ws").mkdir(exist_ok=True)
        (tmp_path / "ws" / "covers.toml").write_text(
            '[[sources]]\nname = "x"\npath = "s3://bucket/x"\nkind = "folders"\n'
        )


@pytest.mark.parametrize("missing", ["fsspec", "s3fs"])
def test_without_the_packages_one_line_says_what_is_missing(
    missing, tmp_path, monkeypatch
):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *rest: None if name == missing else find(name, *rest),
    )
    remote.filesystem.cache_clear()
    done = CliRunner().invoke(main, ["scan", "s3://bucket/x", "-w", str(tmp_path)])
    assert done.exit_code == 1
    expected = f"reading 's3://' needs the optional package '{missing}': pip install 'album-covers[remote]'"
    assert done.stderr.strip() == f"Error: {expected}"


@pytest.mark.parametrize(
    "address",
    [
        "s3://user:secret@bucket/x",
        "s3://user:secret/more@bucket/x",
        "s3://user:12/secret@bucket/x",
        "https://user:secret/more@host/manifest.csv",
        "https://host:secret/manifest.csv",
        "https://host/manifest.csv?signature=secret",
        "s3://bucket/x::file:///etc",
        "https:///manifest.csv",
        "s3://bucket/a b\n",
        "http://host.example/manifest.csv",
    ],
)
def test_what_is_no_plain_address_is_refused(address, tmp_path):
    with pytest.raises(ConfigError) as caught:
        RemotePath.of(address)
    assert "secret" not in str(caught.value)
    done = CliRunner().invoke(main, ["scan", address, "-w", str(tmp_path / "ws")])
    assert done.exit_code == 2
    assert "secret" not in done.output
    assert not (tmp_path / "ws").exists()


def test_no_name_of_a_listing_leads_elsewhere(monkeypatch):
    class Hostile:
        def walk(self, key, **_):
            names = ["../../etc/passwd", "/etc/passwd", "a/../../b.jpg", "a\\b.jpg"]
            names += ["ok/a.jpg", "a\nb.jpg", "", "./b.jpg"]
            listed = {name: {"name": f"{key}/{name}", "size": 9} for name in names}
            listed["else"] = {"name": "other-bucket/c.jpg", "size": 9}
            yield key, {}, listed

    monkeypatch.setattr(remote, "filesystem", lambda scheme: Hostile())
    found = [entry.path for entry in RemotePath.of("s3://bucket/x").files()]
    assert found == ["ok/a.jpg"]
    monkeypatch.setattr(remote, "MOST_FILES", 0)
    with pytest.raises(DataError, match="more than 0 files"):
        list(RemotePath.of("s3://bucket/x").files())


def test_an_object_larger_than_allowed_is_refused(bucket):
    from covers.errors import BrokenImageError
    from covers.images.decode import read_bytes

    with pytest.raises(BrokenImageError, match="the limit is 0 MiB"):
        read_bytes(RemotePath.of(f"{bucket}/Jazz/jazz-000.png"), max_mebibytes=0)
    with pytest.raises(BrokenImageError, match="cannot be read"):
        read_bytes(RemotePath.of(f"{bucket}/Jazz/absent.png"))


@pytest.fixture
def web(folder):
    """A web server on this machine with ETags, and what was asked of it."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append((self.command, self.path))

        def end_headers(self):
            path = Path(self.translate_path(self.path))
            if path.is_file():
                self.send_header("ETag", f'"{path.stat().st_mtime_ns:x}"')
            super().end_headers()

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def test_a_manifest_behind_a_web_server_gives_what_the_folder_gives(
    web, folder, tmp_path
):
    url, asked = web
    lines = ["path,genre", "Jazz/absent.png,Jazz"]
    paths = sorted(folder.glob("*/*.png"))
    lines += [f"{p.relative_to(folder).as_posix()},{p.parent.name}" for p in paths]
    (folder / "manifest.csv").write_text("\n".join(lines))
    shutil.copytree(folder, tmp_path / "local" / "manifest")
    scan_workspace(tmp_path / "a", [tmp_path / "local" / "manifest" / "manifest.csv"])
    report = scan(tmp_path / "b", f"{url}/manifest.csv")
    assert report.n_covers == 12
    ours, theirs = (rows(tmp_path / name) for name in "ba")
    for row in [*ours, *theirs]:  # one is named after its folder, one after its server
        del row["source"]
        del row["locations"][0]["source"]
    assert ours == theirs
    asked.clear()
    assert scan(tmp_path / "b", None).n_read == 0
    got = {path for method, path in asked if method == "GET"}
    assert got <= {"/manifest.csv", "/Jazz/absent.png"}
    with pytest.raises(DataError, match="give a manifest"):
        scan(tmp_path / "c", url)


def test_a_server_that_does_not_answer_is_named_in_one_line(store, tmp_path):
    done = CliRunner().invoke(
        main, ["scan", "s3://absent-bucket/x", "-w", str(tmp_path / "ws")]
    )
    assert done.exit_code == 1
    assert re.match(r"Error: cannot list 's3://absent-bucket/x': .+", done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_web_server_that_cannot_be_reached_is_not_one_without_the_file():
    path = RemotePath("http://127.0.0.1/m.csv")

    def ask(cause):
        def question():
            raise FileNotFoundError(path.url) from cause

        return lambda: remote._ask(path, question)

    with pytest.raises(OSError, match=r"^http: Cannot connect \(refused\)$") as caught:
        ask(ConnectionRefusedError("Cannot connect\n(refused)"))()
    assert not isinstance(caught.value, FileNotFoundError)
    absent = OSError("404")
    absent.status = 404
    for cause in (None, absent):
        with pytest.raises(FileNotFoundError, match=r"^not found on the server$"):
            ask(cause)()
