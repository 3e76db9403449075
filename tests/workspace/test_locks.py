"""One training of a workspace at a time."""

import pytest
from filelock import FileLock
from known_workspace import write_known_workspace
from painted import tiny_recipe

from covers.errors import DataError
from covers.model.training.train import train_workspace
from covers.workspace.disk.locks import lock_training


def test_a_second_training_is_refused_and_leaves_the_cache_of_the_first(tmp_path):
    workspace, _ = write_known_workspace(tmp_path / "w")
    pixels = workspace.cache_folder / "pixels-48.u8"
    pixels.parent.mkdir()
    pixels.write_bytes(b"of the first training")
    with (
        FileLock(workspace.root / ".train.lock"),
        pytest.raises(DataError, match=r"another training of .* is running: wait"),
    ):
        train_workspace(workspace, tiny_recipe(), device="cpu")
    assert pixels.read_bytes() == b"of the first training"


def test_a_training_that_ended_holds_nothing(tmp_path):
    for _ in range(2):
        with lock_training(tmp_path):
            pass
