"""How the command line shows results: for people, or as one JSON object."""

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from indexer import Change, VectorIndex, VerifyReport

__all__ = ["print_change", "print_info", "print_json", "print_problems"]


def print_json(content: dict[str, Any]) -> None:
    """Print one object on one line."""
    click.echo(json.dumps(content, ensure_ascii=False))


def print_problems(report: "VerifyReport") -> None:
    """Name each problem, with what helps, on standard error."""
    for problem in report.problems:
        name = problem.file or problem.id or "the index"
        click.echo(f"{name}: {problem.what}; {problem.repair}", err=True)


def print_change(
    index: "VectorIndex | None", change: "Change", *, as_json: bool
) -> None:
    """Say what a change did, and what searches now have."""
    outcome = {
        "generation": change.generation,
        "n": change.n_items,
        "dry_run": change.is_dry_run,
    }
    if index is not None and not change.is_dry_run:
        facts = index.info()
        outcome |= {name: facts[name] for name in ("structure", "recall_at_k", "k")}
    if as_json:
        print_json(outcome)
    elif change.is_dry_run:
        click.echo(f"would leave {change.n_items} items (nothing was written)")
    else:
        click.echo(
            f"generation {change.generation}: {change.n_items} items, "
            f"structure {outcome['structure']}, "
            f"recall@{outcome['k']} {outcome['recall_at_k']:.4f}"
        )


def print_info(facts: dict[str, Any], *, as_json: bool) -> None:
    """Say what an index holds."""
    if as_json:
        print_json(facts)
        return
    lines = {
        "items": f"{facts['n']} of {facts['dimension']} dimensions",
        "generation": f"{facts['generation']} ({facts['operation']}, {facts['created']})",
        "structure": f"{facts['structure']}, recall@{facts['k']} {facts['recall_at_k']:.4f}",
        "segments": f"{len(facts['segments'])}, {facts['tombstones']} tombstones",
        "size": f"{facts['bytes'] / 2**20:.1f} MiB",
        "rollback to": ", ".join(map(str, facts["history"])) or "nothing",
        "columns": ", ".join(f"{n}: {t}" for n, t in facts["columns"].items())
        or "none",
        "made with": ", ".join(f"{n} {v}" for n, v in facts["fingerprints"].items())
        or "nothing recorded",
    }
    for name, value in lines.items():
        click.echo(f"{name + ':':<13}{value}")
