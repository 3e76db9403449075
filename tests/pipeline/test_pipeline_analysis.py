"""The last part of ``covers run``: overlap, clusters and map, with their figures."""

import pytest
from known_workspace import write_known_workspace

from covers.model.training.recipe import Recipe
from covers.pipeline.run import Pipeline


@pytest.mark.slow
def test_a_run_leaves_the_figures_and_a_second_one_does_nothing(tmp_path):
    workspace, _ = write_known_workspace(tmp_path / "w")
    said = []
    pipeline = Pipeline(workspace, Recipe())
    pipeline._analyse(said.append, lambda *_: None)
    assert [line.partition(":")[0] for line in said] == ["overlap", "clusters", "map"]
    drawn = {path.name for path in (workspace.analysis_folder / "figures").iterdir()}
    for name in ("overlap-matrix", "overlap-tree", "map"):
        assert {f"{name}.svg", f"{name}.png"} <= drawn
    said.clear()
    Pipeline(workspace, Recipe())._analyse(said.append, lambda *_: None)
    assert said == []
