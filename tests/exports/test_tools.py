"""Every export, opened by the program that it is made for."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import numpy as np
import pytest
from apart import install_atlas
from complete_workspace import scan, train
from dashboard_browser import ARGUMENTS, find_chromium
from PIL import Image

import covers
from covers.cli.dashboard import find_port
from covers.exports.targets import TARGETS


@pytest.fixture(scope="module")
def library(drawn_once):
    return covers.open(drawn_once / "workspace")


@pytest.fixture(scope="module")
def exported(library, tmp_path_factory):
    """Every target, written once."""
    folder = tmp_path_factory.mktemp("exported")
    return {
        target.name: library.export(target.name, folder / target.such_as)
        for target in TARGETS
        if target.name != "beets"  # the drawn covers are of no album
    }


@pytest.fixture(scope="module")
def truth(library):
    """Ids and similarities of all covers."""
    ids, vectors = library.embeddings()
    return ids, vectors, vectors @ vectors.T


@contextmanager
def running(command, url, **environment):
    """Run a server until it answers."""
    env = {**os.environ, **environment}
    with subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as server:
        try:
            for _ in range(600):
                assert server.poll() is None, server.stderr.read().decode()[-2000:]
                try:
                    urllib.request.urlopen(url, timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.2)
            else:
                pytest.fail(f"no answer at {url}")
            yield url
        finally:
            server.terminate()
            server.wait(timeout=30)


@contextmanager
def window(url):
    """Open a page that may draw by WebGL, on the processor."""
    from playwright.sync_api import sync_playwright

    draw = ["--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
    arguments = [a for a in ARGUMENTS if a != "--disable-gpu"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=[*arguments, *draw]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(url)
        yield page
        browser.close()


ALL_TEXT = """() => {
  const texts = [];
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) texts.push(node.textContent.trim());
    if (node.shadowRoot) walk(node.shadowRoot);
    node.childNodes.forEach(walk);
  };
  walk(document.body);
  return texts.filter(Boolean).join(" ");
}"""


def keep(page, name):
    """Save what is seen where a person asked for it."""
    if folder := os.environ.get("COVERS_TEST_SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_load_dataset_opens_it_offline(exported, library, truth, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code = (
        "import datasets, sys, json\n"
        "found = datasets.load_dataset(sys.argv[1], cache_dir=sys.argv[2])\n"
        "one = found['train'].features\n"
        "said = {k: type(v).__name__ for k, v in one.items()}\n"
        "rows = {s: [(r['cover_id'], r['label'], r['image'].size, r['genres'], r['embedding'][:3])"
        " for r in found[s]] for s in found}\n"
        "print(json.dumps([said, one['label'].names, rows]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(exported["huggingface"].path), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    kinds, names, rows = json.loads(done.stdout.splitlines()[-1])
    assert (kinds["image"], kinds["label"]) == ("Image", "ClassLabel")
    assert (kinds["labels"], kinds["probabilities"]) == ("List", "List")
    assert names == list(library.catalogue.vocab)
    by_id = dict(zip(truth[0], truth[1], strict=True))
    sides = {"train": "train", "validation": "valid"}
    assert set(rows) == set(sides)
    for split, found in rows.items():
        wanted = np.flatnonzero(library.catalogue.splits == sides[split])
        assert [row[0] for row in found] == [truth[0][i] for i in wanted]
        for cover_id, label, size, genres, vector in found:
            assert names[label] in genres
            assert max(size) <= 256
            assert vector == pytest.approx(by_id[cover_id][:3].tolist())


def test_an_image_folder_opens_too(exported, library, tmp_path):
    code = (
        "import datasets, sys, json\n"
        "found = datasets.load_dataset('imagefolder', data_dir=sys.argv[1], cache_dir=sys.argv[2])\n"
        "print(json.dumps({s: [(r['label'], r['genres'], r['image'].size) for r in found[s]] for s in found}))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(exported["imagefolder"].path), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    rows = json.loads(done.stdout.splitlines()[-1])
    assert sum(map(len, rows.values())) == 120
    assert all(label in genres for found in rows.values() for label, genres, _ in found)


def test_lance_finds_the_same_neighbours(exported, truth):
    import lance

    ids, vectors, similarity = truth
    table = lance.dataset(str(exported["lance"].path))
    assert table.count_rows() == 120
    kind = table.schema.field("embedding").type
    assert kind.list_size == vectors.shape[1]
    nearest = {"column": "embedding", "q": vectors[7], "k": 6, "metric": "cosine"}
    found = table.to_table(columns=["cover_id"], nearest=nearest).to_pylist()
    expected = [ids[i] for i in np.argsort(-similarity[7], kind="stable")[:6]]
    assert [row["cover_id"] for row in found] == expected
    rows = table.to_table(columns=["picture", "genres"], filter="certainty > 0.5")
    picture = rows.column("picture")[0].as_py()
    assert Image.open(io.BytesIO(picture)).format == "JPEG"


def test_atlas_has_the_columns_that_it_asks_for(exported, truth):
    import pyarrow.parquet as pq

    ids, _, similarity = truth
    table = pq.read_table(exported["atlas"].path)
    assert table.column("cover_id").to_pylist() == ids
    assert str(table.schema.field("neighbors").type) == (
        "struct<ids: list<element: int64>, distances: list<element: double>>"
    )
    assert (
        str(table.schema.field("image").type) == "struct<bytes: binary, path: string>"
    )
    near = table.column("neighbors")[3].as_py()
    others = similarity[3].copy()
    others[3] = -2
    assert near["ids"] == np.argsort(-others, kind="stable")[:15].tolist()
    assert near["distances"] == pytest.approx(1 - np.sort(others)[::-1][:15], abs=1e-5)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.network
def test_embedding_atlas_shows_the_map(exported, tmp_path):
    apart = install_atlas(tmp_path / "apart")
    port = find_port(15_055)
    command = exported["atlas"].then.split()
    assert command[0] == "embedding-atlas"
    command[1] = str(exported["atlas"].path)
    python = [sys.executable, "-W", "ignore", "-m", "embedding_atlas.cli", *command[1:]]
    place = {"PYTHONPATH": str(apart), "HOME": str(tmp_path)}
    url = f"http://localhost:{port}"
    with running([*python, "--port", str(port), "--no-auto-port"], url, **place):
        with urllib.request.urlopen(f"{url}/data/metadata.json") as answer:
            told = json.load(answer)
        assert told["props"]["data"]["projection"] == {"x": "x", "y": "y"}
        assert told["props"]["data"]["neighbors"] == "neighbors"
        with window(url) as page:
            page.wait_for_selector("canvas", timeout=60_000)
            page.wait_for_function(
                "document.body.innerText.includes('120')", timeout=60_000
            )
            page.wait_for_timeout(3000)
            keep(page, "atlas")
            assert page.complaints == []
            assert "genres" in page.inner_text("body")


@pytest.mark.slow
@pytest.mark.browser
def test_tensorboard_shows_the_projector(exported):
    port = find_port(16_006)
    url = f"http://localhost:{port}"
    folder = str(exported["projector"].path)
    command = [sys.executable, "-W", "ignore", "-m", "tensorboard.main"]
    command += ["--logdir", folder, "--port", str(port), "--load_fast", "false"]
    with running(command, url), window(f"{url}/#projector") as page:
        base = f"{url}/data/plugin/projector"
        read = lambda what: page.evaluate(  # noqa: E731
            "async (u) => (await fetch(u)).text()", f"{base}/{what}"
        )
        runs = json.loads(read("runs"))
        assert runs == ["."]
        told = json.loads(read("info?run=."))["embeddings"][0]
        assert told["tensorName"] == "covers"
        labels = read("metadata?run=.&name=covers").splitlines()
        assert len(labels) == 121
        page.wait_for_function(
            "document.querySelector('tf-dashboard-plugin, iframe, vz-projector-dashboard, projector-plugin') !== null",
            timeout=60_000,
        )
        deadline = time.monotonic() + 60
        said = ""
        while time.monotonic() < deadline and "Points: 120" not in said:
            page.wait_for_timeout(500)
            said = " ".join(frame.evaluate(ALL_TEXT) for frame in page.frames)
        keep(page, "projector")
        assert "Points: 120" in said


def test_the_sheet_of_the_projector_shows_the_covers_in_order(exported, library):
    folder = exported["projector"].path
    with Image.open(folder / "sprite.png") as sheet:
        assert sheet.size == (11 * 64, 11 * 64)
        tile = np.asarray(sheet.crop((2 * 64, 64, 3 * 64, 2 * 64)), float)
    own = library.picture_of(library.catalogue.cover_ids[13]).resize((64, 64))
    assert np.abs(tile - np.asarray(own, float)).mean() < 12
    lines = (folder / "metadata.tsv").read_text(encoding="utf-8").splitlines()
    assert len({line.count("\t") for line in lines}) == 1
    vectors = np.loadtxt(folder / "vectors.tsv", dtype=np.float32)
    assert np.abs(vectors - library.embeddings()[1]).max() < 1e-4


@pytest.fixture(scope="module")
def albums(tmp_path_factory):
    """A library whose covers belong to albums."""
    from covers.evaluate import stage as evaluate

    root = tmp_path_factory.mktemp("albums")
    workspace = scan(root / "workspace", root / "covers")
    train(workspace)
    evaluate.run(workspace, n_bootstraps=60)
    return covers.open(workspace.root)


def test_a_library_without_albums_is_nothing_for_beets(library, tmp_path):
    with pytest.raises(covers.DataError, match="title or the MusicBrainz id"):
        library.export("beets", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def beet(albums, tmp_path):
    """Albums in a library of beets, the plugin, and a way to run ``beet``."""
    from beets.library import Item, Library

    made = albums.export("beets", tmp_path / "out dir")
    home = tmp_path / "beets"
    home.mkdir()
    config = (made.path / "config.yaml").read_text(encoding="utf-8")
    config = config.replace("[covergenre]", "[covergenre, smartplaylist]")
    genre = albums.catalogue.vocab[0]
    (home / "config.yaml").write_text(
        f"{config}\nlibrary: {home}/library.db\ndirectory: {home}\n"
        f"smartplaylist:\n  playlist_dir: {home}\n  relative_to: {home}\n"
        f"  playlists:\n  - name: looks.m3u\n    query: 'cover_genre:{genre}'\n",
        encoding="utf-8",
    )
    with (made.path / "covers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    store = Library(str(home / "library.db"))
    for number, row in enumerate(rows):
        track = Item(
            path=os.fsencode(home / f"{number}.mp3"),
            title="One",
            album=row["album"].upper(),
            albumartist=row["albumartist"],
            artist=row["albumartist"],
            genres=["as it was"],
        )
        store.add_album([track])
    store._close()

    def run(*arguments):
        command = [sys.executable, "-W", "ignore", "-m", "beets", *arguments]
        done = subprocess.run(
            command,
            env={**os.environ, "BEETSDIR": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run, rows, home


def test_beets_finds_albums_by_what_their_covers_look_like(beet, albums):
    run, rows, home = beet
    genre = albums.catalogue.vocab[0]
    assert run("ls", "-a", f"cover_genre:{genre}") == ""
    pretended = run("covergenre", "-p")
    assert pretended.count("\n") == len(rows)
    assert run("ls", "-a", f"cover_genre:{genre}") == ""
    run("covergenre")
    expected = sum(row["genre"] == genre for row in rows)
    assert expected > 0
    for kind in (["-a"], []):
        query = ["ls", *kind, f"cover_genre:{genre.lower()}", "-f", "$cover_certainty"]
        assert run(*query).count("\n") == expected
    sure = [row for row in rows if float(row["certainty"]) >= 0.8]
    found = run("ls", "-a", "cover_certainty:0.8..", "-f", "$album")
    assert len(found.splitlines()) == len(sure)
    assert set(run("ls", "-f", "$genres").splitlines()) == {"as it was"}
    all_genres = run("ls", "-a", "-f", "$cover_genre|$cover_genres").splitlines()
    for genre, genres in (line.split("|") for line in all_genres):
        assert genre in genres.split("; ")
    run("splupdate")
    assert len((home / "looks.m3u").read_text().splitlines()) == expected


def test_a_damaged_table_is_one_line_to_beets(beet, tmp_path):
    run, _, home = beet
    del run
    (tmp_path / "out dir" / "covers.csv").write_text("nonsense\n1\n")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "beets", "covergenre"],
        env={**os.environ, "BEETSDIR": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "covergenre: cannot read" in done.stderr
    assert "Traceback" not in done.stderr
    shutil.rmtree(home)


def test_what_is_printed_to_do_next_can_be_typed(library, tmp_path):
    made = library.export("lance", tmp_path / """it's "$(touch evil)" é""")
    here = f"{sys.executable} -W ignore"
    done = subprocess.run(
        ["bash", "-c", made.then.replace("python", here, 1)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "embedding" in done.stdout
    assert not (tmp_path / "evil").exists()
