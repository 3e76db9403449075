"""The audit as one HTML page, with pictures, that needs nothing else."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING, Protocol

from covers.audit.findings import EXPLANATIONS, FindingKind
from covers.images.thumbnails import open_thumbnail
from covers.render.numbers import per_cent
from covers.workspace.disk.publish import publish

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from covers.audit.findings import Finding
    from covers.audit.labels import LabelCheck
    from covers.workspace.paths import Workspace

SHOWN_PER_KIND = 60
_SHOWN_PICTURES = 12
_PICTURE_PX = 112

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --mark: #2a6fb0; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1.5rem; max-width: 76rem; }
h1 { font-size: 1.6rem; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .2rem; }
p { margin: .3rem 0; max-width: 60rem; }
.soft { opacity: .75; }
table { border-collapse: collapse; margin: 1rem 0; }
td, th { padding: .2rem .9rem .2rem 0; text-align: left; vertical-align: top; }
th { font-weight: 600; border-bottom: 1px solid var(--line); }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
a { color: var(--mark); }
.finding { border: 1px solid var(--line); border-radius: 8px; padding: .7rem; margin: .7rem 0;
  display: grid; grid-template-columns: minmax(120px, auto) 1fr; gap: 1rem; align-items: start; }
.pictures { display: flex; flex-wrap: wrap; gap: 6px; max-width: 29.5rem; }
.pictures img, .pictures span { width: 112px; height: 112px; object-fit: contain; background: var(--soft); }
.pictures span { display: grid; place-items: center; font-size: 12px; }
.reason { overflow-wrap: anywhere; }
ul { margin: .3rem 0; padding-left: 1.1rem; font-size: 13px; overflow-wrap: anywhere; }
.bar { width: 120px; height: 7px; border-radius: 4px; background: var(--soft); display: inline-block; vertical-align: middle; }
.bar i { display: block; height: 100%; border-radius: 4px; background: var(--mark); }
@media (max-width: 40rem) { .finding { grid-template-columns: 1fr; } }
"""


class _Audit(Protocol):
    """What an audit says; see `covers.audit.result.Audit`, which has itself written here."""

    @property
    def findings(self) -> Sequence[Finding]: ...
    @property
    def n_covers(self) -> int: ...
    @property
    def n_reviewed(self) -> int: ...
    @property
    def not_checked(self) -> Mapping[str, str]: ...
    @property
    def label_check(self) -> LabelCheck | None: ...
    @property
    def counts(self) -> Mapping[str, int]: ...


def write_page(path: Path, audit: _Audit, workspace: Workspace) -> None:
    """Write the page; of each kind the first 60 findings are shown.

    Parameters
    ----------
    path : Path
        An older file of this name is replaced.
    audit : Audit
    workspace : Workspace
        Where thumbnails are.
    """
    with publish(path) as file:
        file.writelines(_page(audit, workspace))


def _page(audit: _Audit, workspace: Workspace) -> Iterator[str]:
    """Yield the page in pieces."""
    yield (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; "
        "img-src data:; style-src 'unsafe-inline'\">"
        f"<title>Audit of {audit.n_covers:,} covers</title><style>{_STYLE}</style></head><body>"
    )
    yield f"<h1>Audit of {audit.n_covers:,} covers</h1>"
    yield (
        f"<p>{len(audit.findings):,} findings, nothing was changed. "
        f"{audit.n_reviewed:,} findings that were reviewed and kept are not listed.</p>"
    )
    yield from _summary(audit)
    yield from _label_check(audit)
    for kind in FindingKind:
        findings = [f for f in audit.findings if f.kind is kind]
        if findings:
            yield from _section(kind, findings, workspace)
    yield "</body></html>\n"


def _summary(audit: _Audit) -> Iterator[str]:
    yield "<table><tr><th>Kind</th><th>Found</th><th></th></tr>"
    for kind in FindingKind:
        name, count = _title(kind), audit.counts.get(kind.value, 0)
        reason = audit.not_checked.get(kind.value)
        link = f"<a href='#{kind.value}'>{name}</a>" if count else name
        text = (
            EXPLANATIONS[kind]
            if reason is None
            else f"<b>not looked for</b>: {escape(reason)}"
        )
        yield f"<tr><td>{link}</td><td class='n'>{'' if reason is not None else f'{count:,}'}</td><td class='soft'>{text}</td></tr>"
    yield "</table>"


def _label_check(audit: _Audit) -> Iterator[str]:
    check = audit.label_check
    if check is None:
        return
    yield (
        f"<h2>How far to trust the doubtful labels</h2><p>{check.n_flipped:,} of {check.n_covers:,} labels "
        "were made wrong at random, and looked for in the same way. A list in random order would have a "
        f"precision of {per_cent(check.random_precision)}.</p>"
        "<table><tr><th>Most doubtful</th><th>Precision</th><th>Found of the planted errors</th><th>At random</th></tr>"
    )
    for cut in check.cuts:
        yield (
            f"<tr><td>{per_cent(cut['share'])} of the covers</td><td class='n'>{per_cent(cut['precision'])}</td>"
            f"<td class='n'>{per_cent(cut['recall'])}</td><td class='n'>{per_cent(cut['random_recall'])}</td></tr>"
        )
    yield "</table>"


def _section(
    kind: FindingKind,
    findings: Sequence[Finding],
    workspace: Workspace,
) -> Iterator[str]:
    yield f"<h2 id='{kind.value}'>{_title(kind)}: {len(findings):,}</h2><p class='soft'>{EXPLANATIONS[kind]}</p>"
    for finding in findings[:SHOWN_PER_KIND]:
        yield "<div class='finding'><div class='pictures'>"
        yield from _pictures(finding, workspace)
        yield (
            f"</div><div><div class='reason'>{escape(finding.reason)}</div>"
            f"<div><span class='bar'><i style='width:{finding.confidence:.0%}'></i></span> "
            f"<span class='soft'>confidence {per_cent(finding.confidence)}</span></div>"
        )
        if finding.suggestion:
            yield f"<div>Suggestion: <b>{escape(' + '.join(finding.suggestion))}</b></div>"
        yield "<ul>"
        for shown in finding.paths[:_SHOWN_PICTURES]:
            yield f"<li>{escape(_printable(shown))}</li>"
        if len(finding.paths) > _SHOWN_PICTURES:
            yield f"<li>and {len(finding.paths) - _SHOWN_PICTURES} more</li>"
        yield "</ul></div></div>"
    if len(findings) > SHOWN_PER_KIND:
        yield f"<p>And {len(findings) - SHOWN_PER_KIND:,} more: see <code>covers audit --csv</code>.</p>"


def _pictures(finding: Finding, workspace: Workspace) -> Iterator[str]:
    """Yield the covers of a finding, then its other pictures."""
    count = 0
    for cover_id in finding.cover_ids[:_SHOWN_PICTURES]:
        content = _shrink(workspace, cover_id)
        yield _image(content) if content else "<span>no thumbnail</span>"
        count += 1
    for content in finding.pictures[: _SHOWN_PICTURES - count]:
        yield _image(content)


def _image(content: bytes) -> str:
    return f"<img alt='' src='data:image/webp;base64,{base64.b64encode(content).decode()}'>"


def _shrink(workspace: Workspace, cover_id: str) -> bytes | None:
    """Return a thumbnail in the size of the page, None where it is missing."""
    image = open_thumbnail(workspace, cover_id)
    if image is None:
        return None
    image.thumbnail((_PICTURE_PX * 3 // 2, _PICTURE_PX * 3 // 2))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=75, method=2)
    return buffer.getvalue()


def _title(kind: FindingKind) -> str:
    return kind.value.replace("_", " ").capitalize()


def _printable(text: str) -> str:
    """Show control characters of file names as escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )
