"""Run every bench of speed at a size that ends within minutes; one table, one JSON.

    scripts/bench all [--parts startup scan …] [--out docs/speed/bench.json]

For the figures of `docs/speed/index.md` each part is run alone, at its own defaults.
"""

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from scripts.benches.shared.measuring import describe_machine, describe_row

ROOT = Path(__file__).parents[3]
PARTS = {
    "startup": ["--covers", "500", "--rounds", "5"],
    "scan": ["--covers", "1500"],
    "embed": [
        *("--archs", "resnet18", "mobilenet_v3_small"),
        # Without weights: how well networks agree on covers would say nothing.
        *("--covers", "192", "--fastai", "resnet18", "--agreement", ""),
    ],
    "rebuild": [
        *("--covers", "1000", "--many", "10000"),
        *("--arch", "resnet18", "--rounds", "5"),
    ],
    "analysis": ["--covers", "3000", "10000", "--rounds", "5"],
    "index": ["--n", "10000", "--json"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument(
        "--out", type=Path, default=ROOT / "docs" / "speed" / "bench.json"
    )
    args = parser.parse_args()
    found = {}
    for part in args.parts:
        start = time.perf_counter()
        command = [sys.executable, "-m", f"scripts.benches.speed.{part}", *PARTS[part]]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, check=True, text=True, cwd=ROOT
        )
        found[part] = json.loads(done.stdout)
        if part == "index":
            found[part]["rows"] = rows_of_index(found[part])
        found[part].pop("machine", None)
        print(f"{part}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    machine = describe_machine()
    print(f"\n{machine['processor']}, {machine['cores']} cores, {machine['date']}")
    for part, result in found.items():
        print(f"\n{part}")
        for row in result["rows"]:
            print(describe_row(row))
    when = datetime.now(UTC).isoformat(timespec="minutes")
    document = {"date": when, "machine": machine, "parts": found}
    args.out.write_text(json.dumps(document, indent=1) + "\n")
    print(f"\nkept in '{args.out}'")


def rows_of_index(found):
    """Put the ratios of the index's bench, which times hundreds of calls each, into rows."""
    ratios = {
        "one query": (found["one_query"], "spread_over_faiss"),
        "batches of 100": (found["batch_of_100"], "spread"),
        "batches of 1,000": (found["batch_of_1000"], "spread"),
    }
    return [
        {
            "what": f"time over bare FAISS, {what}",
            "unit": "x",
            "median": figures["index_over_faiss"],
            "low": figures[spread][0],
            "high": figures[spread][1],
            "n": figures["rounds"],
        }
        for what, (figures, spread) in ratios.items()
    ]


if __name__ == "__main__":
    main()
