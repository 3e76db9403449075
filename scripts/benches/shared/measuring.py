"""What the benches of speed share: machine, rounds that alternate, a table and JSON."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from covers.workspace.artefacts import library_versions
from covers.workspace.disk.jsonable import to_jsonable

# Fresh processes start as where compiled modules may be kept.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

COVERS = [sys.executable, "-m", "covers"]


def describe_machine():
    """Processor, cores, memory, versions, date."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    packages = ("numpy", "pillow", "torch", "torchvision", "fastai", "timm")
    packages += ("pyarrow", "faiss-cpu", "scikit-learn", "click")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(
            os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        ),
        "python": platform.python_version(),
        "versions": library_versions(packages),
    }


def alternate(rounds, **functions):
    """Time each function once a round; return the seconds of each, by name."""
    seconds = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def run_command(*arguments, **options):
    """Run ``covers`` in a fresh process; return what it printed."""
    done = subprocess.run(
        [*COVERS, *map(str, arguments)], capture_output=True, text=True, **options
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def processor_s(command):
    """Seconds of processor that a fresh process takes, its own and the system's."""
    before = os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    return (
        after.children_user
        - before.children_user
        + after.children_system
        - before.children_system
    )


@dataclass(frozen=True)
class Target:
    """What a figure should keep to: `at_least` or `at_most` a value."""

    value: float
    is_least: bool

    def is_met_by(self, figure):
        """Whether a figure keeps to it."""
        return figure >= self.value if self.is_least else figure <= self.value

    def __str__(self):
        """Return it as the table shows it, such as ``≤ 0.2``."""
        return f"{'≥' if self.is_least else '≤'} {self.value:g}"


def at_least(value):
    """Return the target of a figure that should not be lower."""
    return Target(value, is_least=True)


def at_most(value):
    """Return the target of a figure that should not be higher."""
    return Target(value, is_least=False)


class Report:
    """Collects figures, each a list of runs, and prints them.

    Parameters
    ----------
    part : str
        Which bench.
    settings : dict
        What it was asked to do.
    """

    def __init__(self, part, settings):
        self.part = part
        self.settings = settings
        self.rows = []
        self.notes = {}

    def add(self, what, runs, unit="s", *, against=None, target=None):
        """Add one figure.

        Parameters
        ----------
        what : str
        runs : sequence of float
        unit : str
        against : (str, sequence of float), optional
            The alternative of the same rounds; the ratio is of the medians.
        target : Target, optional
            What the ratio, or without an alternative the median, should keep to.
        """
        row = {
            "what": what,
            "unit": unit,
            "median": statistics.median(runs),
            "low": min(runs),
            "high": max(runs),
            "n": len(runs),
        }
        if against:
            name, other = against
            row["against"] = name
            row["other_median"] = statistics.median(other)
            row["ratio"] = row["median"] / row["other_median"]
        judged = row.get("ratio", row["median"])
        if target is not None:
            row |= {"target": str(target), "met": target.is_met_by(judged)}
        self.rows.append(row)
        print(describe_row(row), file=sys.stderr, flush=True)

    def print(self):
        """Print the table on stderr and the JSON on stdout."""
        machine = describe_machine()
        print(
            f"\n{self.part}: {machine['processor']}, {machine['cores']} cores, {machine['date']}",
            file=sys.stderr,
        )
        for row in self.rows:
            print(describe_row(row), file=sys.stderr)
        document = {
            "part": self.part,
            "machine": machine,
            "settings": self.settings,
            "rows": self.rows,
            "notes": self.notes,
        }
        print(json.dumps(to_jsonable(document), indent=1))


def describe_row(row):
    """Put one figure into a line."""
    text = f"{row['what']:<52}{_short(row['median']):>9} {row['unit']:<4}"
    text += f" ({_short(row['low'])} to {_short(row['high'])}, n={row['n']})"
    if "against" in row:
        text += f"  {row['ratio']:.3g} x {row['against']} ({_short(row['other_median'])} {row['unit']})"
    if "target" in row:
        text += f"  wanted {row['target']}: {'met' if row['met'] else 'missed'}"
    return text


def _short(value):
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
