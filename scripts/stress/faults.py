"""Do something bad to the whole job, again and again, and look whether it recovers; print JSON.

    python -m scripts.stress.faults [--faults 200] [--seed 0] [--only "disk full"]
    python -m scripts.stress.faults --keep known.json --folder FOLDER --seconds 200   # again and again

Each round takes a workspace that lacks a stage, starts ``covers run`` and does one
fault of `scripts.stress.fault_kinds` at an instant of that stage: signals, a full
disk, a source that goes away, a second run. Then ``covers run`` is run again. A round fails when

- the disturbed run ended with a traceback, hung or crashed, or failed without one clear line,
- something that was published before is lost or damaged,
- the run after it fails, or its figures, tables or pictures differ in any value from
  those of an undisturbed run, or something is left behind. Where the disturbed run
  had ended well on fewer covers, what follows from that may differ.

Exit status 1 when a round failed. What this machine cannot do is skipped, with the reason.
"""

from __future__ import annotations

import os

for _name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{_name}_NUM_THREADS"] = "1"
os.environ["NUMBA_THREADING_LAYER"] = "workqueue"

import argparse  # noqa: E402
import gc  # noqa: E402
import json  # noqa: E402
import random  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections import Counter, defaultdict  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from scripts.stress import fault_folder, pieces  # noqa: E402
from scripts.stress.fault_kinds import DEADLY, KINDS, ONLY_SCANS  # noqa: E402
from scripts.stress.fault_mounts import SkippedError  # noqa: E402
from scripts.stress.fault_round import Round, Run  # noqa: E402

_NOISE = (
    "Traceback",
    "Exception ignored",
    "Fatal Python error",
    "terminate called",
    "Segmentation",
)
_LONGEST_LINE = 600


def warm_up(base: Path) -> None:
    """Do the whole job once in this process, so that those forked from it need not import."""
    from covers.cli import main
    from covers.render import frame

    frame._PNG_DPI = 30  # small pictures are drawn sooner, and compared as well
    fault_folder.paint_library(base / "library", 10)
    (base / "workspace").mkdir()
    (base / "workspace" / "covers.toml").write_text(fault_folder.SETTINGS)
    table, workspace = str(base / "library/manifest.csv"), str(base / "workspace")
    with (base / "log.txt").open("w") as log:
        kept = os.dup(1), os.dup(2)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            main(["run", table, "-w", workspace], standalone_mode=False)
        finally:
            sys.stdout.flush()
            for number, stream in enumerate(kept, start=1):
                os.dup2(stream, number)
    gc.freeze()  # else collecting in a child copies what it shares


def unclear(status: int | None, said: str, *, is_deadly: bool) -> str | None:
    """Say what is wrong with how a run ended and what it said; None when nothing is."""
    if status is None:
        return "hung"
    if is_deadly and status == -9:
        return None
    for sign in _NOISE:
        if sign in said:
            return sign
    if status < 0:
        return f"crashed by signal {-status}"
    if status == 0:
        return None
    lines = [line for line in said.splitlines() if line.startswith("Error: ")]
    if len(lines) != 1 or len(lines[0]) > _LONGEST_LINE:
        return f"{len(lines)} lines say what was wrong"
    return None


def lost(before: dict[str, bytes], workspace: Path, stage: str) -> list[str]:
    """Name what was published before the stage and is not there any more."""
    after = fault_folder.published(workspace)
    wrong = [f"{name} is gone" for name in before if name not in after]
    if stage != "scan":  # the catalogue and the weights are older than the stage
        kept = (
            ()
            if stage == "train"
            else ("catalogue.parquet", "model/weights.safetensors")
        )
        wrong += [
            f"{name} changed"
            for name in kept
            if name in before and before[name] != after.get(name)
        ]
    return [text for text in wrong if not _may_go(text)]


def _after_fewer_covers(before: dict[str, bytes]) -> dict[str, Any]:
    """Return how to compare where the disturbed run ended well, on the covers that were there still.

    The others were embedded later, in batches of their own: last bits differ, and
    the map, clusters and pixels can follow them. A first run has trained on fewer.
    """
    if "model/weights.safetensors" in before:
        parts = ("map", "clusters", "figures/")
        jumps = ("pictures.parquet", *(f"analysis/{part}" for part in parts))
        return {"rounding": 1e-4, "only_there": jumps}
    vectors = ("embeddings", "index vectors", "index columns")
    return {"only_there": ("analysis/", "catalogue", "pictures", "model/", *vectors)}


def _may_go(text: str) -> bool:
    """Say whether a file is replaced by others of another name, or left out, in the ordinary course.

    An evaluation leaves out what it measures across folds while pictures of new covers
    cannot be read; whether it is back in the end is compared with an undisturbed run.
    """
    parts = ("scan.journal", "index/gen-", "model/checkpoint", "embeddings/", ".tmp")
    parts = (*parts, "evaluation-across-folds")
    return any(part in text for part in parts)


def play(this: Round, kind: str, reference: dict[str, Any]) -> dict[str, Any]:
    """Do one fault and what follows it; return what went wrong, and how it ended."""
    before = fault_folder.published(this.workspace)
    outcomes = KINDS[kind](this)
    wrong = []
    for status, said in outcomes:
        reason = unclear(status, said, is_deadly=kind in DEADLY)
        wrong += [f"{reason}: {said[-800:]}"] if reason else []
    wrong += lost(before, this.workspace, this.stage)
    status, said = this.start().wait()
    if status != 0:
        wrong.append(f"the next run failed ({status}): {said[-800:]}")
    else:
        is_done = kind == "source gone meanwhile" and outcomes[0][0] == 0
        found = fault_folder.differences(
            reference,
            this.workspace,
            **(_after_fewer_covers(before) if is_done else {}),
        )
        wrong += found[:4]
    ends = [status for status, _ in outcomes]
    lines = [
        line[:_LONGEST_LINE]
        for _, said in outcomes
        for line in said.splitlines()
        if line.startswith("Error: ")
    ]
    return {"wrong": wrong, "ends": ends, "lines": lines, "notes": this.notes}


def apart(function: Any, *args: Any) -> Any:
    """Call a function in a process of its own, so that this one stays as it is; return what it returns."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(into, "w") as file:
            json.dump(function(*args), file)
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as file:
        found = file.read()
    os.waitpid(child, 0)
    return json.loads(found)


def prepare(base: Path, n_artists: int) -> fault_folder.Prepared:
    """Make the workspaces that rounds begin with, and undisturbed ones to compare with."""

    def run(where: Path, command: tuple[str, ...]) -> float:
        args = tuple(arg.replace("../", "") for arg in command)
        begun = time.monotonic()
        status, said = Run(args, where).wait()
        if status:
            sys.exit(f"the undisturbed '{' '.join(args)}' failed: {said}")
        return time.monotonic() - begun

    prepared = fault_folder.prepare(base, run, n_artists)
    grown = prepared.references["grown"]
    if wrong := fault_folder.differences(grown, base / "here" / "workspace"):
        sys.exit(f"two undisturbed runs differ: {wrong}")
    return prepared


def choose(
    number: int, given: argparse.Namespace, prepared: fault_folder.Prepared, base: Path
) -> tuple[Round, str, str]:
    """Return the round of a number, its kind, and the series that its workspace is of."""
    wanted = [given.only] if given.only else list(KINDS)
    kind = wanted[number % len(wanted)]
    rng = random.Random(given.seed * 1_000_003 + number)
    series = rng.choice(list(prepared.starts))
    starts = prepared.starts[series]
    stages = ["scan"] if kind in ONLY_SCANS else list(starts)
    stage = given.stage or stages[(number // len(wanted)) % len(stages)]
    here = fault_folder.copy_folder(starts[stage], base / "round")
    growth = prepared.sizes[series] - fault_folder.bytes_of(here / "workspace")
    seconds = prepared.seconds.get(stage, 0.5)
    return Round(here, stage, seconds, max(20_000, growth), rng), kind, series


def campaign(base: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Play the rounds of this piece; return what is printed."""
    shutil.rmtree(base / "warm", ignore_errors=True)
    shutil.rmtree(base / "round", ignore_errors=True)
    (base / "warm").mkdir(parents=True)
    warm_up(base / "warm")
    tally = pieces.begin(given, given.faults)
    prepared = prepare(base, given.artists)
    for (number,) in pieces.rounds(tally, given):
        this, kind, series = choose(number, given, prepared, base)
        try:
            found = play(this, kind, prepared.references[series])
        except SkippedError as error:
            tally.note(f"{kind}: skipped, {error}")
        else:
            wrong = bool(found["wrong"])
            where = {"number": number, "series": series, "stage": this.stage}
            failure = {"kind": kind, **where, **found} if wrong else None
            tally.note(f"{kind}: {'failed' if wrong else 'held'}", failure)
            for line in found["lines"]:
                tally.counts[line] += 1
            if wrong and given.talk:
                print(json.dumps(failure, indent=1), file=sys.stderr, flush=True)
        _clear(this.base)
    return _sum_up(tally, 12 * given.artists)


def _sum_up(tally: pieces.Tally, n_covers: int) -> dict[str, Any]:
    """Put what is known into a table by kind."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    lines: Counter[str] = Counter()
    for name, count in tally.counts.items():
        kind, _, end = name.partition(": ")
        if kind in KINDS:
            table[kind][end] += count
        else:
            lines[name] += count
    return {
        "faults": tally.played,
        "seed": tally.seed,
        "covers": n_covers,
        "failures": sum(row["failed"] for row in table.values()),
        "by_kind": {kind: dict(counts) for kind, counts in table.items()},
        "said": lines.most_common(),
        "failed": tally.failures,
        "seconds": tally.seconds,
    }


def _clear(base: Path) -> None:
    """Remove what a round left."""
    if os.path.ismount(base / "workspace"):
        subprocess.run(["umount", "-l", str(base / "workspace")], check=False)
    shutil.rmtree(base)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--artists", type=int, default=12, help="of each genre, 3 covers each"
    )
    parser.add_argument("--only", choices=list(KINDS), help="one kind of fault")
    parser.add_argument("--stage", choices=[*fault_folder.STAGES], help="one stage")
    parser.add_argument(
        "--talk", action="store_true", help="print each failure at once"
    )
    parser.add_argument(
        "--folder", type=Path, help="a folder that keeps the workspaces to begin with"
    )
    pieces.add_options(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faults-") as temporary:
        base = (given.folder or Path(temporary)).resolve()
        outcome = campaign(base, given)
    print(json.dumps(outcome, indent=1))
    sys.exit(1 if outcome["failures"] else 0)


if __name__ == "__main__":
    main()
