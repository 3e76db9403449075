"""Every command that does something, by its full name."""

import click

from covers.cli import main


def leaves(group=main, above=()):
    """Return every command that does something, by its full name."""
    found = {}
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        path = (*above, name)
        if isinstance(command, click.Group):
            found |= leaves(command, path)
        else:
            found[" ".join(path)] = command
    return found


EVERY_COMMAND = leaves()
