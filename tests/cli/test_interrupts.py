"""Ctrl-C at the command line: one line, however often it is pressed."""

from __future__ import annotations

import signal

import click
import pytest
from click.testing import CliRunner

from covers.cli.terminal.border import ExplainingGroup


@pytest.fixture(autouse=True)
def _interruptible():
    """Let Ctrl-C interrupt also where the tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def group(monkeypatch):
    @click.group(cls=ExplainingGroup)
    def covers():
        """Do something that is interrupted."""

    @covers.command()
    def work():
        signal.raise_signal(signal.SIGINT)

    return covers


def test_pressed_again_while_the_line_is_written(group, monkeypatch):
    show = click.ClickException.show

    def interrupted_show(self, file=None):
        signal.raise_signal(signal.SIGINT)
        show(self, file)

    monkeypatch.setattr(click.ClickException, "show", interrupted_show)
    before = signal.getsignal(signal.SIGINT)
    done = CliRunner().invoke(group, ["work"])
    assert done.exit_code == 1
    assert done.stderr.count("Error: interrupted") == 1
    assert "Aborted" not in done.output
    assert signal.getsignal(signal.SIGINT) is before


def test_pressed_again_while_it_is_put_into_words(monkeypatch, group):
    @group.command()
    def twice():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
            raise click.ClickException("interrupted: go on later") from None

    done = CliRunner().invoke(group, ["twice"])
    assert done.exit_code == 1
    assert done.stderr == "Error: interrupted: go on later\n"
