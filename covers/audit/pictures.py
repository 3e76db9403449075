"""Findings that a single picture gives away: tiny, oblong, blank, dark, blurred."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from covers.arguments import check_fields, number, whole
from covers.audit.findings import Finding, FindingKind, beyond
from covers.render.numbers import per_cent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from covers.audit.audited import AuditedCover


@dataclass(frozen=True, kw_only=True)
class PictureLimits:
    """When a picture is listed; how these were chosen is in ``docs/method/audit.md``.

    Parameters
    ----------
    least_side_px : int, default=120
        Shorter sides are tiny.
    most_oblong : float, default=1.1
        Greater ratios of long to short side are not square.
    least_contrast : float, default=0.02
        Less is blank; unit of `covers.images.measures.PictureMeasures`.
    least_light : float, default=0.15
        Less of brightness plus twice the contrast, about the level of the
        brighter parts, is dark.
    least_sharpness : float, default=0.16
        Less is blurred.

    Examples
    --------
    >>> large = covers.AuditOptions(pictures=covers.PictureLimits(least_side_px=5000))
    >>> library.audit(large).counts["tiny"]
    120
    """

    least_side_px: int = 120
    most_oblong: float = 1.1
    least_contrast: float = 0.02
    least_light: float = 0.15
    least_sharpness: float = 0.16

    def __post_init__(self) -> None:
        check_fields(
            self,
            least_side_px=whole(at_least=0),
            **dict.fromkeys(
                ("most_oblong", "least_contrast", "least_light", "least_sharpness"),
                number(0, math.inf),
            ),
        )


def find_bad_pictures(
    pictures: Iterable[AuditedCover], limits: PictureLimits | None = None
) -> list[Finding]:
    """Look for pictures that are of little use.

    Parameters
    ----------
    pictures : iterable of AuditedCover
    limits : PictureLimits, optional
    """
    used = limits or PictureLimits()
    return [
        Finding(
            kind=kind,
            cover_ids=(picture.cover_id,),
            paths=(picture.path,),
            confidence=confidence,
            reason=reason,
        )
        for picture in pictures
        for kind, confidence, reason in _judge(picture, used)
    ]


def _judge(
    picture: AuditedCover, limits: PictureLimits
) -> Iterator[tuple[FindingKind, float, str]]:
    """Yield kind, confidence and reason of everything wrong with one picture."""
    width, height = picture.width or 0, picture.height or 0
    if width and height:
        short, long = sorted((width, height))
        if short < limits.least_side_px:
            yield (
                FindingKind.TINY,
                beyond(short, limits.least_side_px, limits.least_side_px / 2),
                f"{width} x {height} pixels, fewer than {limits.least_side_px} on the short side",
            )
        if long / short > limits.most_oblong:
            yield (
                FindingKind.NON_SQUARE,
                beyond(long / short, limits.most_oblong, 1.5),
                f"{width} x {height} pixels: one side is {long / short:.2f} times the other",
            )
    contrast, brightness = picture.contrast, picture.brightness
    sharpness = picture.sharpness
    if contrast is None or brightness is None or sharpness is None:
        return
    light = brightness + 2 * contrast
    if contrast < limits.least_contrast:
        yield (
            FindingKind.BLANK,
            beyond(contrast, limits.least_contrast, 0),
            f"contrast {contrast:.3f}, less than {limits.least_contrast}",
        )
    elif light < limits.least_light:
        yield (
            FindingKind.DARK,
            beyond(light, limits.least_light, 0),
            f"brightness {brightness:.3f} and contrast {contrast:.3f}: its brighter parts reach about {per_cent(light)}",
        )
    elif sharpness < limits.least_sharpness:
        yield (
            FindingKind.BLURRED,
            beyond(sharpness, limits.least_sharpness, 0),
            f"sharpness {sharpness:.2f}, less than {limits.least_sharpness}",
        )
