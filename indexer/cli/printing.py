"""How the command line shows results: for people, or as one JSON object."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from indexer.cli.group import speak_options

if TYPE_CHECKING:
    from indexer import Change, SearchResult, VectorIndex, VerifyReport
    from indexer.structures import RecallMeasure

__all__ = [
    "print_answers",
    "print_change",
    "print_info",
    "print_json",
    "print_problems",
    "print_recall",
]


def print_json(content: dict[str, Any]) -> None:
    """Print one object on one line."""
    click.echo(json.dumps(content, ensure_ascii=False))


def print_problems(report: "VerifyReport") -> None:
    """Name each problem, with what helps, on standard error."""
    for problem in report.problems:
        name = problem.file or problem.id or "the index"
        click.echo(f"{name}: {problem.what}; {problem.repair}", err=True)


def print_answers(
    names: Sequence[str], result: "SearchResult", *, as_json: bool
) -> None:
    """List the neighbours of each query; notes go to standard error, too."""
    answers: list[dict[str, Any]] = []
    for name, found, similarities in zip(
        names, result.ids.tolist(), result.similarities.tolist(), strict=True
    ):
        pairs = zip(found, similarities, strict=True)
        near = [{"id": i, "similarity": s} for i, s in pairs if i is not None]
        answers.append({"query": name, "neighbours": near})
    notes = [speak_options(note) for note in result.notes]
    for note in notes:
        click.echo(note, err=True)
    if as_json:
        print_json(
            {"generation": result.generation, "answers": answers, "notes": notes}
        )
        return
    for answer in answers:
        if len(answers) > 1:
            click.echo(f"{answer['query']}:")
        for near in answer["neighbours"]:
            click.echo(f"{near['similarity']:.4f}  {near['id']}")


def print_recall(
    index: "VectorIndex", measure: "RecallMeasure", *, as_json: bool
) -> None:
    """Say how many of the true neighbours searches find."""
    if as_json:
        print_json(
            {
                "generation": index.generation,
                "recall_at_k": measure.recall_at_k,
                "recall_low": measure.low,
                "k": measure.k,
                "n_queries": measure.n_queries,
            }
        )
    else:
        click.echo(
            f"recall@{measure.k} {measure.recall_at_k:.4f}, at least {measure.low:.4f} "
            f"(95 %), over {measure.n_queries} stored items"
        )


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
    for segment in facts["segments"]:
        _print_choice(segment)


def _print_choice(segment: dict[str, Any]) -> None:
    """Say why a segment has its structure, and what that was chosen from."""
    click.echo(f"\n{segment['n']} items by {segment['structure']}: {segment['why']}")
    if not segment["tried"]:
        return
    click.echo(f"tried on {segment['tried'][0]['n_rows']} of them:")
    heads = f"{'MiB a query':>13}{'ms a query':>12}{'bytes an item':>15}{'recall':>8}"
    click.echo(f"{'structure':<22}{heads}")
    for one in segment["tried"]:
        mark = "  <" if one["key"] == segment["structure"] else ""
        click.echo(
            f"{one['key']:<22}{one['read_bytes'] / 2**20:>13.2f}{one['query_ms']:>12.3f}"
            f"{one['n_bytes']:>15.0f}{one['recall_at_k']:>8.3f}{mark}"
        )
