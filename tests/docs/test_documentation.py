"""The check of the documentation finds what it is there to find, and the site holds what it promises."""

import json
import re
import shutil
import sys
import tomllib
from pathlib import Path
from unittest.mock import patch

import pytest
from click.testing import CliRunner
from complete_workspace import principal_plane

from covers.catalogue.table import read_catalogue
from covers.classify.methods import Method
from covers.cli import main
from covers.workspace import registry

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from scripts.documentation import build, check_docs, commands, examples, python_api  # noqa: E402
from scripts.documentation.pages import Page, read_pages  # noqa: E402


def page(text, name="docs/guides/example.md"):
    return Page(name, text)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("covers search sleeve.jpg -k 5 --genre Jazz", None),
        ("$ covers run ~/covers -w music   # everything", None),
        ("python -m indexer search music/index --where year=1970..1979", None),
        ("covers serach sleeve.jpg", "there is no command 'covers serach'"),
        ("covers index bild", "there is no command 'covers index bild'"),
        (
            "covers search x.jpg --genres Jazz",
            "'covers search' has no option '--genres'",
        ),
        ("scripts/bench embed --device cuda", None),
        ("./scripts/bench layers", "there is no './scripts/bench layers'"),
        ("ls covers", None),
    ],
)
def test_a_command_line_that_could_not_be_typed_is_found(line, problem):
    assert commands.problem_with(line) == problem


def test_command_lines_are_found_in_blocks_and_in_sentences():
    text = "Say `covers mep`.\n\n```sh\ncovers map --anew\n```\n\n`--no-such-option`"
    assert list(check_docs.wrong_command_lines(page(text))) == [
        "docs/guides/example.md:4: 'covers map' has no option '--anew'",
        "docs/guides/example.md:1: there is no command 'covers mep'",
        "docs/guides/example.md:7: no command has the option '--no-such-option'",
    ]


def test_dead_links_and_missing_paths_are_found():
    text = (
        "[a](sharing.md) [b](nowhere.md) `covers/pipeline/run.py` `covers/nothing.py`"
    )
    assert list(check_docs.dead_links(page(text))) == [
        "docs/guides/example.md:1: link to 'nowhere.md' leads nowhere"
    ]
    assert list(check_docs.missing_paths(page(text))) == [
        "docs/guides/example.md:1: there is no 'covers/nothing.py'"
    ]


def test_a_long_paragraph_is_found_but_not_in_method():
    text = "# Title\n\n" + "word " * 60 + "\n" + "word " * 31 + "\n\n- " + "item " * 80
    assert len(list(check_docs.long_paragraphs(page(text)))) == 1
    assert not list(check_docs.long_paragraphs(page(text, "docs/method/overlap.md")))
    assert not list(check_docs.long_paragraphs(page("word " * 90)))


def test_a_readme_that_comes_late_to_its_results_is_found():
    def problems(text, name="README.md"):
        return [*check_docs.late_results(Page(name, text))]

    start = "word " * (check_docs.MOST_BEFORE_RESULTS - 1)
    assert problems(f"{start}\n## Results\n") == []
    (late,) = problems(f"{start} and two more words\n## Results\n")
    assert "words before the results" in late
    (missing,) = problems(start)
    assert "no heading 'Results'" in missing
    assert problems(start, "docs/index.md") == []


def test_a_block_that_fails_is_found_with_its_line():
    text = "# Title\n\n```python\nx = 1\n```\n\n```python\nassert x == 1\n\nx.nothing\n```\n"
    assert list(examples.problems_of_blocks([page(text)])) == [
        "docs/guides/example.md:8: AttributeError: 'int' object has no attribute 'nothing'"
    ]


def test_blocks_find_the_workspace_and_the_covers_that_pages_speak_of():
    text = (
        "```python\nfrom pathlib import Path\n"
        "from covers.catalogue.table import read_catalogue\n"
        "from covers.workspace.paths import Workspace\n"
        "catalogue = read_catalogue(Workspace.open(Path('music')))\n"
        "assert len(catalogue) == 120\n"
        "assert all(Path(n).is_file() for n in ('sleeve.jpg', 'a.jpg', 'b.jpg'))\n"
        "assert Path('by-genre/Folk').is_dir()\n```\n"
    )
    assert list(examples.problems_of_blocks([page(text)])) == []


@pytest.mark.slow
def test_a_block_that_is_not_run_must_fit_the_real_types():
    text = (
        "<!-- not run: takes too long -->\n```python\n"
        "from pathlib import Path\nfrom covers.workspace.paths import Workspace\n\n"
        "Workspace.open(Path('music')).no_such_name\n```\n"
    )
    [problem] = examples.problems_of_blocks([page(text)])
    assert problem.startswith("docs/guides/example.md:6: error:")
    assert "no_such_name" in problem


def test_every_command_has_a_section_with_its_options():
    text = commands.reference()
    for name, command in commands.all_commands().items():
        assert f"### `{name}`" in text
        for option in commands.options_of(command) - {"--help", "-h"}:
            assert option in text


def test_public_names_are_described_with_their_methods():
    text = python_api.reference("indexer")
    assert "### `VectorIndex`" in text
    assert "#### `VectorIndex.search`" in text
    assert "Cosine similarity in [-1, 1]; NaN in an empty slot." in text


def test_marks_of_pages_are_filled_in():
    pages = [
        p
        for p in read_pages()
        if "made from the code:" in p.text and p.name.startswith("docs/reference")
    ]
    assert {p.name for p in pages} >= {
        "docs/reference/command-line.md",
        "docs/reference/python.md",
    }
    for p in pages:
        assert "<!-- made from the code" not in build.fill_in(p.text)


QUICK = {
    "overlap": ("--bootstraps", "20", "--no-figures"),
    "cluster": ("--resamples", "1", "--min-cluster-size", "8", "--no-figures"),
    "map": ("--no-figures",),
}


def json_sections():
    """Yield each section of the page about JSON: its command, and the keys that it names."""
    text = (ROOT / "docs/reference/json.md").read_text(encoding="utf-8")
    for section in text.split("\n## ")[1:]:
        [call] = re.findall(r"^covers (.* --json)$", section, re.MULTILINE)
        rows = re.findall(r"^\| (`[^|]+`) \|", section, re.MULTILINE)
        yield pytest.param(
            call,
            {key for row in rows for key in re.findall(r"`([^`]+)`", row)},
            id=call,
        )


def key_paths(document, genres, path=""):
    """Yield where every value of a JSON document lies, as the page writes it."""
    if isinstance(document, list):
        for item in document:
            yield from key_paths(item, genres, f"{path}[]")
        return
    for key, value in document.items() if isinstance(document, dict) else ():
        is_method = path.endswith(("methods", "probabilities"))
        named = "METHOD" if is_method else "GENRE" if key in genres else key
        below = f"{path}.{named}" if path else named
        yield below
        yield from key_paths(value, genres, below)


@pytest.mark.slow
@pytest.mark.parametrize(("call", "documented"), list(json_sections()))
def test_the_page_about_json_names_what_commands_print(
    call, documented, workspace, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    picture = next((workspace.root.parent / "covers").glob("Jazz-*.png"))
    shutil.copy(picture, tmp_path / "sleeve.jpg")
    quick = QUICK.get(call.split()[0], ())
    with patch("covers.cluster.clustering.project", principal_plane):
        result = CliRunner().invoke(
            main, [*call.split(), *quick, "-w", str(workspace.root)]
        )
    assert result.exit_code == 0, result.stderr
    catalogue = read_catalogue(workspace)
    printed = set(key_paths(json.loads(result.stdout), set(catalogue.vocab)))
    assert documented - printed == set(), "named, but not printed"
    top = {re.sub(r"^((?:\[\]\.)?[^.\[]+).*", r"\1", key) for key in printed}
    named = {re.sub(r"^((?:\[\]\.)?[^.\[]+).*", r"\1", key) for key in documented}
    assert top - named == set(), "printed, but not named"


def test_the_page_about_files_names_every_artefact():
    text = (ROOT / "docs/reference/files.md").read_text(encoding="utf-8")
    named = {span for _, span in page(text).spans()}
    for artefact in registry.ARTEFACTS:
        for file in artefact.files:
            spellings = {file.path, f"{file.path}/", file.name, f"{file.name}/"}
            assert named & spellings, (
                f"docs/reference/files.md does not name {file.path}"
            )


def test_methods_are_called_as_in_tables_and_documents():
    text = (ROOT / "docs/method/evaluation.md").read_text(encoding="utf-8")
    for method in Method:
        assert f"| `{method}` |" in text


def test_the_first_page_names_every_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    text = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    for extra in set(project["project"]["optional-dependencies"]) - {"all"}:
        assert f"| `{extra}` |" in text


def test_contributors_find_every_room():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for room in (ROOT / "covers").glob("*/__init__.py"):
        assert f"| `covers/{room.parent.name}` |" in text


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("documentation") / "site"
    assert build.build_site(folder) == []
    return folder


@pytest.mark.slow
def test_the_site_holds_the_pages_and_what_is_made_from_the_code(site):
    start = (site / "index.html").read_text(encoding="utf-8")
    assert "Reading the results" in start
    made = (site / "reference" / "command-line.html").read_text(encoding="utf-8")
    assert "--one-per-artist" in made


_FOCUSED = """() => {
    let focused = document.activeElement;
    while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
    return focused?.tagName;
}"""


@pytest.mark.slow
@pytest.mark.browser
def test_the_site_is_read_and_searched_from_the_disk_without_fetching_anything(
    site, browser
):
    fetched, complaints = [], []
    window = browser.new_page(viewport={"width": 400, "height": 800})
    window.on("request", lambda request: fetched.append(request.url))
    window.on("console", lambda message: complaints.append(message.text))
    window.on("pageerror", lambda error: complaints.append(str(error)))
    for name in ("index", "method/overlap", "reference/command-line", "speed/index"):
        window.goto((site / f"{name}.html").as_uri())
        width = window.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, f"{name} is wider than a phone"
    for _ in range(60):  # keys that are pressed before the page listens are lost
        window.keyboard.press("/")
        if window.evaluate(_FOCUSED) == "INPUT":
            break
        window.wait_for_timeout(250)
    # At once: the field is drawn anew after the first letter, and loses it.
    window.get_by_placeholder("Search").last.fill("near-duplicates")
    found = window.get_by_text("Two covers are near-duplicates when").first
    found.wait_for(timeout=60_000)
    assert found.is_visible()
    assert [url for url in fetched if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
