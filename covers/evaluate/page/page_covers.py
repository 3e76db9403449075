"""The covers behind the figures of a report, as pictures inside the page."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from covers.catalogue.table import read_catalogue
from covers.classify.methods import Method
from covers.images.thumbnails import open_thumbnail
from covers.render.charts.matrix import confusion_matrix
from covers.render.numbers import note_on_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.evaluate.evaluate import Evaluated
    from covers.workspace.paths import Workspace

SIDE_PX = 104
_QUALITY = 60
_MOST_PICTURES = 1200
_MOST_PER_CELL = 12


class CoverGallery:
    """Finds the covers behind a figure and shows them.

    Parameters
    ----------
    evaluated : Evaluated
    workspace : Workspace, optional
        Where thumbnails, titles and artists are.
    """

    def __init__(self, evaluated: Evaluated, workspace: Workspace | None) -> None:
        self.evaluated = evaluated
        self.workspace = workspace
        self._titles = _read_titles(workspace) if workspace else {}
        self._pictures: dict[str, str] = {}

    def confusion(self) -> str:
        """Return the confusion matrix of network and vote; each cell opens its covers."""
        found = self.evaluated.result
        vocab, counts = found.genres, found.methods[Method.COMBINED].confusion
        cells = self._cover_rows(vocab)
        shown = int(np.clip(_MOST_PICTURES // max(1, len(cells)), 2, _MOST_PER_CELL))
        place = {genre: i for i, genre in enumerate(vocab)}

        def panel_of(own: str, said: str) -> str:
            i, j = place[own], place[said]
            return f"cell-{i}-{j}" if (i, j) in cells else ""

        square = confusion_matrix(counts, vocab, panel_of, attribute="popovertarget")
        panels = "".join(
            self._panel(f"cell-{i}-{j}", vocab[i], vocab[j], rows, shown)
            for (i, j), rows in cells.items()
        )
        return (
            "<h2>What is taken for what</h2>"
            "<p>Rows are the covers' own genres, columns what was read; the shade is the share of the row. "
            f"Press a cell to see its covers.{note_on_parts(np.ravel(counts))}</p>{square}{panels}"
        )

    def top_losses(self) -> str:
        """Return the covers whose own genre was thought least likely."""
        items = "".join(
            self._item(
                one.cover_id,
                f"{', '.join(one.genres)} → {one.predicted}",
                f"{100 * one.p_predicted:.0f} % sure, own genre {100 * one.p_true:.1f} %",
            )
            for one in self.evaluated.result.top_losses
        )
        return (
            "<h2>The most wrong</h2><p>Held-out covers whose own genre was thought least likely: surprises, or labels "
            f'worth a second look.</p><ul class="covers">{items}</ul>'
        )

    def _cover_rows(self, vocab: Sequence[str]) -> dict[tuple[int, int], list[int]]:
        """Return the held-out rows of the votes behind each cell, most certain first."""
        votes, inputs = self.evaluated.votes, self.evaluated.inputs
        combined = votes.probabilities.combined
        cells: dict[tuple[int, int], list[int]] = {}
        for row in np.argsort(-combined.max(axis=1), kind="stable"):
            if not votes.held_out[row]:
                continue
            true = np.flatnonzero(inputs.membership[votes.rows[row]])
            predicted = int(combined[row].argmax())
            for genre in [predicted] if predicted in true else true:
                cells.setdefault((int(genre), predicted), []).append(int(row))
        return cells

    def _panel(
        self, name: str, true: str, predicted: str, rows: list[int], shown: int
    ) -> str:
        """Return the pop-up of one cell."""
        votes, ids = self.evaluated.votes, self.evaluated.inputs.cover_ids
        items = "".join(
            self._item(
                ids[votes.rows[row]],
                "",
                f"{100 * votes.probabilities.combined[row].max():.0f} % sure",
            )
            for row in rows[:shown]
        )
        more = f", the {shown} most certain" if len(rows) > shown else ""
        said = (
            f"{escape(true)}, recognised"
            if true == predicted
            else f"{escape(true)}, taken for {escape(predicted)}"
        )
        return (
            f'<div popover id="{name}"><button class="close" popovertarget="{name}" popovertargetaction="hide">close</button>'
            f'<h3>{said}: {len(rows)} covers{more}</h3><ul class="covers">{items}</ul></div>'
        )

    def _item(self, cover_id: str, line: str, sub: str) -> str:
        """Return one cover with its captions."""
        picture = self._picture(cover_id)
        title = self._titles.get(cover_id, cover_id[:12])
        image = (
            f'<img src="{picture}" alt="{escape(title)}">'
            if picture
            else '<div class="gone"></div>'
        )
        first = f"<span>{escape(line)}</span>" if line else ""
        return (
            f'<li title="{escape(title)}">{image}{first}<span class="sub">{escape(sub)}</span>'
            f'<span class="sub">{escape(title[:40])}</span></li>'
        )

    def _picture(self, cover_id: str) -> str:
        """Return a small picture as a data URI; empty where there is no thumbnail."""
        if cover_id not in self._pictures:
            self._pictures[cover_id] = (
                _data_uri(self.workspace, cover_id) if self.workspace else ""
            )
        return self._pictures[cover_id]


def _data_uri(workspace: Workspace, cover_id: str) -> str:
    """Shrink a thumbnail to `SIDE_PX` and encode it."""
    small = open_thumbnail(workspace, cover_id)
    if small is None:
        return ""
    small.thumbnail((SIDE_PX, SIDE_PX))
    encoded = io.BytesIO()
    small.save(encoded, "WEBP", quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(encoded.getvalue()).decode()}"


def _read_titles(workspace: Workspace) -> dict[str, str]:
    """Return what each cover is called: artist and album, or its path."""
    catalogue = read_catalogue(workspace)
    columns = [catalogue.column(name) for name in ("artist", "album", "path")]
    return {
        cover_id: " · ".join(part for part in (artist, album) if part)
        or path
        or cover_id
        for cover_id, artist, album, path in zip(
            catalogue.cover_ids, *columns, strict=True
        )
    }
