"""Results as they lie in the workspace, whatever made them; clusters joined to fewer."""

import json
import shutil

import pytest
from click.testing import CliRunner

import covers
from covers.cli import main
from covers.workspace.registry import AUDIT_DOCUMENT


@pytest.fixture(scope="module")
def library(drawn_once, tmp_path_factory):
    root = tmp_path_factory.mktemp("published") / "workspace"
    return covers.open(shutil.copytree(drawn_once / "workspace", root))


@pytest.mark.parametrize("name", ["clusters", "evaluation", "overlap"])
def test_a_result_is_given_as_it_lies_there(library, name):
    found = library.published(name)
    assert isinstance(found, covers.Evaluation | covers.Clustering | covers.Overlap)
    assert library.published(name.upper()).to_json() == found.to_json()


def test_a_result_that_was_never_made_names_its_command(library):
    library.workspace.path(AUDIT_DOCUMENT).unlink()
    command = rf"covers audit -w .*{library.workspace.root.name}"
    with pytest.raises(covers.DataError, match=command):
        library.published("audit")
    with pytest.raises(covers.WrongValueError, match="one of 'audit', 'clusters'"):
        library.published("clustering")


def test_embedding_says_the_same_at_the_front_door_and_in_the_shell(library):
    root = str(library.workspace.root)
    done = CliRunner().invoke(main, ["embed", "-w", root, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == library.embed().to_json()
    assert json.loads(done.stdout)["known"] == len(library)


def test_clusters_join_until_so_many_are_left(library):
    found = library.published("clusters")
    joined = found.joined(2)
    assert len(joined.cut) == min(2, found.n_clusters)
    assert sorted(one for part in joined.cut for one in part) == sorted(
        one.id for one in found.clusters
    )
    assert not found.cut
    with pytest.raises(covers.WrongValueError, match="n_clusters must be"):
        found.joined(0)
