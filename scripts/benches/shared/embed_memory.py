"""The memory of embedding many covers, and what a killed run loses."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from covers.model.card import read_card
from covers.model.embed import COVERS_PER_PART
from covers.model.embedding_table import embeddings_parts
from scripts.benches.shared.measuring import COVERS, at_most
from scripts.benches.shared.stand_in import (
    scan_without_decoding,
    write_library,
    write_model,
)


def bench_memory(report, folder, n):
    """Embed many covers with a small network, killed once on the way; watch the memory."""
    library, root = folder / "many", folder / "many-ws"
    write_library(library, n, size_px=64)
    workspace = scan_without_decoding(root, library)
    write_model(workspace, arch="squeezenet1_1", image_size=64)
    parts = embeddings_parts(workspace, read_card(workspace.model_folder).fingerprint)

    def start():
        return subprocess.Popen(
            [*COVERS, "embed", "-w", str(root)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    process = start()
    while len(parts.paths()) < 2 and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    n_kept = len(parts.ids())
    process, resident, n_done = start(), [], []
    while process.poll() is None:
        found = resident_mib(process.pid)
        if found:
            resident.append(found)
            n_done.append(len(parts.paths()) * COVERS_PER_PART)
        time.sleep(0.5)
    report.notes["resume"] = {
        "kept_after_kill": n_kept,
        "in_all": len(parts.ids()),
        "parts": len(parts.paths()),
    }
    tenth = max(1, len(resident) // 10)
    report.notes["resident MiB by covers done"] = {
        f"{n_done[i]:,}": round(resident[i]) for i in range(0, len(resident), tenth)
    }
    print(report.notes, file=sys.stderr)
    report.add(
        f"memory in the last third of {n:,} covers",
        resident[-len(resident) // 3 : -2],
        "MiB",
        against=(
            "the middle third",
            resident[len(resident) // 3 : -len(resident) // 3],
        ),
        target=at_most(1.05),
    )


def resident_mib(pid):
    """Memory a process holds, None where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(found[0].split()[1]) / 1024 if found else None
