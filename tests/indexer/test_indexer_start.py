"""What a process that changes an index loads."""

import subprocess
import sys

_UPDATE = """
import sys
import numpy as np
from indexer import VectorIndex

vectors = np.eye(8, dtype=np.float32)
ids = [f"item {number}" for number in range(8)]
VectorIndex.build(sys.argv[1], ids, vectors, {"part": np.arange(8) % 2})
index = VectorIndex.open(sys.argv[1])
index.update(ids[:3] + ["new"], vectors[:4], {"part": np.arange(4)}, remove=ids[5:6])
index.search(vectors[:2], 3)
print("numpy.ma" in sys.modules)
"""


def test_a_first_update_loads_no_masked_arrays(tmp_path):
    """They take longer to load than a small update takes."""
    done = subprocess.run(
        [sys.executable, "-c", _UPDATE, str(tmp_path / "index")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False"]
