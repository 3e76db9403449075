"""The command lines that pages name, and those that the programs have."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import click

from covers.cli import main as covers_main
from indexer.cli import main as indexer_main
from scripts.documentation.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS: dict[str, click.Group] = {
    "covers": covers_main,
    "python -m indexer": indexer_main,
}
BENCH = re.compile(r"^(?:\./)?scripts/bench ([a-z_]+)")
CALL = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?(covers|python -m indexer)(?= |$)")


def walk(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command below a group with its whole name, groups included."""
    ctx = click.Context(group)
    for below in group.list_commands(ctx):
        command = group.get_command(ctx, below)
        if command is not None:
            yield f"{name} {below}", command
            if isinstance(command, click.Group):
                yield from walk(command, f"{name} {below}")


def all_commands() -> dict[str, click.Command]:
    """Return every command of both programs by its whole name."""
    return {n: c for name, group in PROGRAMS.items() for n, c in walk(group, name)}


def options_of(command: click.Command) -> set[str]:
    """Return all spellings of a command's options."""
    found = {"--help", "-h"}
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            found.update(parameter.opts, parameter.secondary_opts)
    return found


def all_options() -> set[str]:
    """Return the options of both programs and of the scripts."""
    found = {"--version"}
    for command in all_commands().values():
        found |= options_of(command)
    for script in (ROOT / "scripts").rglob("*"):
        if script.is_file() and script.suffix in {"", ".py"}:
            found.update(
                re.findall(r"--[a-z][a-z-]+", script.read_text(encoding="utf-8"))
            )
    return found


def problem_with(line: str) -> str | None:
    """Say what is wrong with a command line of a page; None when it could be typed."""
    bench = BENCH.match(line)
    if bench and not any((ROOT / "scripts/benches").glob(f"*/{bench.group(1)}.py")):
        return f"there is no '{bench.group()}'"
    match = CALL.match(line)
    if match is None:
        return None
    try:
        words = shlex.split(line[match.end() :], comments=True)
    except ValueError as error:
        return f"'{line}' cannot be read: {error}"
    name, command = match.group(1), click.Command("")
    command = PROGRAMS[match.group(1)]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        below = command.get_command(click.Context(command), words[0])
        if below is None:
            return f"there is no command '{name} {words[0]}'"
        name, command, words = f"{name} {words[0]}", below, words[1:]
    for word in words:
        option = word.partition("=")[0]
        if re.match(r"--?[a-z]", option) and option not in options_of(command):
            return f"'{name}' has no option '{option}'"
    return None


def reference() -> str:
    """Return the reference of both programs as Markdown, made from what ``--help`` shows."""
    parts = []
    for program, group in PROGRAMS.items():
        parts.append(f"## `{program}` {{: #{anchor(program)} }}\n")
        parts += [_describe(name, command) for name, command in walk(group, program)]
    return "\n".join(parts)


def anchor(name: str) -> str:
    """Return the anchor of a command's section."""
    return re.sub(r"\W+", "-", name).strip("-")


def _describe(name: str, command: click.Command) -> str:
    ctx = click.Context(command, info_name=name)
    lines = [f"### `{name}` {{: #{anchor(name)} }}\n", _prose(command.help or ""), ""]
    if isinstance(command, click.Group):
        return "\n".join(lines)
    lines += [
        "```text",
        " ".join([name, *command.collect_usage_pieces(ctx)]),
        "```",
        "",
    ]
    records = [p.get_help_record(ctx) for p in command.get_params(ctx)]
    rows = [r for r in records if r and r[1] and "--help" not in r[0]]
    if rows:
        lines += ["| option | what it does |", "| --- | --- |"]
        lines += [f"| {_cell(f'`{left}`')} | {_cell(right)} |" for left, right in rows]
    return "\n".join([*lines, ""])


def _prose(text: str) -> str:
    r"""Turn a command's help into Markdown; what follows click's mark ``\b`` is shown as typed."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in paragraph.splitlines()]
        if lines[0] == "\b":
            parts.append("\n".join(["```text", *lines[1:], "```"]))
        else:
            parts.append(" ".join(lines).replace("<", "&lt;"))
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
