"""``python -m indexer``: look at an index, search it, look after it."""

import click

from indexer.cli import changing, looking
from indexer.cli.group import ExplainingGroup

__all__ = ["main"]


@click.group(
    cls=ExplainingGroup, context_settings={"help_option_names": ["-h", "--help"]}
)
def main() -> None:
    """Look at, search and look after a vector index in FOLDER.

    Results go to standard output, everything else to standard error. Exit
    status: 0 done, 1 a problem that was explained, 2 wrong usage.
    """


for _command in (
    looking.info,
    looking.verify,
    looking.search,
    looking.recall,
    changing.rebuild,
    changing.compact,
    changing.rollback,
    changing.export,
    changing.import_,
):
    main.add_command(_command)
