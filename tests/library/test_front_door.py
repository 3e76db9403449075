"""What the command line can do, the front door can: genres, decisions, models, checks of the index."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner

import covers
from covers.cli import main


@pytest.fixture
def library(drawn_once, tmp_path):
    shutil.copytree(drawn_once, tmp_path / "drawn")
    return covers.open(tmp_path / "drawn/workspace")


def run(library, *arguments):
    root = str(library.workspace.root)
    result = CliRunner().invoke(main, [*map(str, arguments), "-w", root, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_genres_show_what_settings_would_change_as_the_command_does(library):
    found = library.genres(genre_minimum=1000)
    said = run(library, "genres", "--genre-minimum", "1000")
    assert found.kept_out == said["kept_out"]
    assert set(found.kept_out) == set(library.catalogue.genre_counts)
    assert not library.genres().kept_out
    with pytest.raises(covers.WrongTypeError, match="genre_minimun"):
        library.genres(genre_minimun=3)


def test_decisions_come_into_force_and_are_taken_back(library, tmp_path):
    n_before, cover_id = len(library), library.catalogue.cover_ids[0]
    file = tmp_path / "review.csv"
    file.write_text(f"cover_id,path,action\n{cover_id},,drop\n")
    assert library.accept_review(file).n_dropped == 1
    assert (len(library), cover_id in library.catalogue.cover_ids) == (
        n_before - 1,
        False,
    )
    assert library.revert_review().n_dropped == 0
    assert len(library) == n_before


def test_an_audit_writes_its_page_and_its_table(library, tmp_path):
    found = library.audit()
    assert found.write_page(tmp_path / "audit.html").read_text().startswith("<!doc")
    header = found.write_review(tmp_path / "review.csv").read_text().splitlines()[0]
    assert "action" in header
    with pytest.raises(covers.DataError, match=r"named with \.csv"):
        found.write_review(tmp_path / "review.txt")


def test_the_index_is_checked_and_taken_back(library):
    assert library.verify_index(n_pictures=2).ok
    assert library.verify_index(n_pictures=0).to_json() == run(
        library, "index", "verify", "--sample", "0"
    )
    assert library.index_info()["n"] == len(library)
    library.build_index()
    change = library.rollback_index()
    assert change.n_items == len(library)
    next((library.workspace.root / "index").rglob("*.npy")).write_bytes(b"")
    broken = library.verify_index(n_pictures=0)
    assert not broken.ok
    assert "repair: " in repr(broken)


def test_a_map_is_laid_out_from_a_seed_as_the_command_does(library):
    first = library.map()
    assert (first.seed, library.map().is_laid_out_anew) == (0, False)
    other = library.map(seed=5)
    assert (other.seed, other.is_laid_out_anew) == (5, True)
    said = run(library, "map", "--no-figures")
    assert (said["seed"], said["refitted"], said["n_covers"]) == (5, False, len(other))


def test_another_split_is_made_where_it_is_asked_for(library):
    (said,) = [w for w in library.scan(seed=7).warnings if "keep their side" in w]
    assert "'covers scan --split-anew --seed 7 -w " in said
    before = list(library.catalogue.splits)
    assert not [
        w for w in library.scan(seed=7, split_anew=True).warnings if "their side" in w
    ]
    assert list(library.catalogue.splits) != before
    with pytest.raises(covers.WrongValueError, match="root must be left out"):
        library.scan(root="elsewhere")


def test_a_run_says_what_another_seed_leaves_as_it_is(library):
    said = []
    library.run(say=said.append, analysis=False, seed=8)
    (line,) = [one for one in said if "kept" in one and "seed 8" in one]
    assert "model" in line
    assert "'covers run --retrain --seed 8 -w " in line
    said.clear()
    library.run(say=said.append, analysis=False)
    assert not [one for one in said if "seed" in one]


@pytest.mark.parametrize(
    ("where", "meant"),
    [
        ({"split": "trian"}, "no split 'trian': did you mean 'train'"),
        ({"split": ["valid", "trian"]}, "did you mean 'train'"),
        ({"split": "held-out"}, "did you mean 'valid'"),
        ({"spilt": "train"}, "no column 'spilt': did you mean 'split'"),
        ({"genre": "Jaz"}, "no genre 'Jaz': did you mean 'Jazz'"),
        ({"format": "pmg"}, "no format 'pmg': "),
    ],
)
def test_a_filter_that_nothing_can_pass_is_told_what_may_be_meant(
    library, tmp_path, where, meant
):
    cover_id = library.catalogue.cover_ids[0]
    asked = [
        lambda: library.search(cover_id, where=where),
        lambda: library.covers(where=where),
    ]
    if "format" not in where:  # which exports do not have
        asked.append(lambda: library.export("csv", tmp_path / "a.csv", where=where))
    for ask in asked:
        with pytest.raises(covers.DataError, match=meant):
            ask()
    ((column, values),) = where.items()
    several = values if isinstance(values, list) else [values]
    typed = [word for one in several for word in ("--where", f"{column}={one}")]
    root = str(library.workspace.root)
    done = CliRunner().invoke(main, ["search", cover_id, *typed, "-w", root])
    assert done.exit_code in (1, 2)
    assert meant in " ".join(done.stderr.split())


def test_sides_are_matched_in_any_case_and_an_empty_one_is_no_mistake(library):
    n = {side: len(library.covers(where={"split": side})) for side in ("TRAIN", "test")}
    assert n == {"TRAIN": list(library.catalogue.splits).count("train"), "test": 0}
    with pytest.raises(covers.DataError, match="did you mean 'valid'"):
        library.embeddings(split="held-out")


def test_options_that_change_nothing_yet_say_so(library):
    root = str(library.workspace.root)

    def said(*arguments):
        done = CliRunner().invoke(main, [*arguments, "-w", root])
        assert done.exit_code == 0, done.output
        return " ".join(done.stderr.split())

    assert "'--prefer' changes nothing here: every vector is compared" in said(
        "index", "build", "--prefer", "small"
    )
    assert "changes nothing" not in said("index", "build")
    n = library.clusters().n_clusters
    cut = said("cluster", "--cut", str(n + 1), "--no-figures")
    assert f"none join: there are {n} clusters" in cut


def test_a_path_leads_from_genre_to_genre_as_the_command_does(library):
    walk = library.path("jazz", "metal", k=40)
    said = run(library, "path", "jazz", "metal", "-k", "40")
    assert [step.cover_id for step in walk] == [s["cover_id"] for s in said["steps"]]
    assert walk._repr_html_().count("data:image/jpeg") == len(walk)
    assert list(walk.to_frame()["cover_id"]) == [step.cover_id for step in walk]
    with pytest.raises(covers.DataError, match="did you mean 'Jazz'"):
        library.path("Jaz", "Metal")
