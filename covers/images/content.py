"""The identity of a picture: a hash of its bytes."""

from __future__ import annotations

import hashlib


def content_id(content: bytes) -> str:
    """Return the id of a cover: the first 32 hex digits of the SHA-256 of its bytes."""
    return hashlib.sha256(content).hexdigest()[:32]
