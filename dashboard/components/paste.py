"""An invisible component that receives a picture pasted on the page, as bytes."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

import streamlit as st

from covers.errors import BrokenImageError

_show = st.components.v2.component(
    "covers_paste",
    html='<span hidden aria-hidden="true"></span>',
    js=(Path(__file__).with_name("assets") / "paste.js").read_text(encoding="utf-8"),
)


def pasted_picture(*, key: str) -> bytes | None:
    """Return the bytes of a picture that was just pasted.

    Raises
    ------
    BrokenImageError
        If it is too large, or arrived damaged.
    """
    found = _show(key=key, on_pasted_change=lambda: None).get("pasted")
    if not found:
        return None
    if found.get("problem"):
        raise BrokenImageError(str(found["problem"]))
    try:
        return base64.b64decode(found.get("data", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        message = "the pasted picture arrived damaged"
        raise BrokenImageError(message) from error
