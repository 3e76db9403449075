"""A small workspace with a network of the usual size, to time pictures that are handed in."""

from complete_workspace import scan

from covers.evaluate import stage as evaluate
from covers.index.build import build_index
from covers.model.training.recipe import Recipe
from covers.model.training.train import train_workspace
from covers.workspace.paths import Workspace


def make_network_workspace(root, *, say=print):
    """Make the workspace, or return the one that is there.

    The backbone has the usual shape but random weights, which take as long to run.
    """
    workspace, done = Workspace(root / "workspace"), root / "made"
    if done.is_file():
        return workspace
    say("painting covers, and a network of the usual size for them")
    workspace = scan(root / "workspace", root / "covers")
    train_workspace(workspace, Recipe(weights="none", epochs=0), device="cpu")
    build_index(workspace, device="cpu")
    evaluate.run(workspace, n_bootstraps=50)
    done.touch()
    return workspace
