"""Decoding pictures that no scan has looked at: uploads, files named at the keyboard, art inside music."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Self

from PIL import Image

from covers.errors import BrokenImageError
from covers.images import guarded
from covers.images.decode import MAX_MEGAPIXELS, decode, is_quick
from covers.images.guarded import GuardedProcess, ProcessEndedError

if TYPE_CHECKING:
    from types import TracebackType

    Asked = tuple[bytes, int, float]
    Answer = tuple[tuple[int, int], bytes]

_START = "from covers.images.outside import serve; serve()"
_ONE_AT_A_TIME = threading.Lock()


class OutsideDecoder:
    """Decodes pictures from outside at the price that a scan pays; a context.

    What may take long, or much memory, is decoded in a process of its own, as scans do
    (`covers.images.guarded`), one picture at a time. It is started for the first
    such picture and ends with the context, and with it the memory. Where no process can
    be started, pictures are decoded here.
    """

    def __init__(self) -> None:
        self._process: GuardedProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def decode(
        self, content: bytes, *, size_px: int, max_megapixels: float = MAX_MEGAPIXELS
    ) -> Image.Image:
        """Decode a picture to upright RGB; see `covers.images.decode.read_picture`.

        Raises
        ------
        BrokenImageError
            If it cannot be decoded, or takes too long.
        """
        process = None if is_quick(content) else self._ready_process()
        if process is None:
            return decode(content, size_px=size_px, max_megapixels=max_megapixels)
        with _ONE_AT_A_TIME:
            patience = threading.Timer(guarded.PATIENCE_S, process.kill)
            patience.start()
            try:
                ((size, pixels),) = process.ask([(content, size_px, max_megapixels)])
            except ProcessEndedError as error:
                self._end()
                raise BrokenImageError(str(error)) from error
            finally:
                patience.cancel()
        return Image.frombytes("RGB", size, pixels)

    def _ready_process(self) -> GuardedProcess | None:
        """Return a process that serves; None where none can be had."""
        if self._process is None:
            with contextlib.suppress(OSError):
                self._process = GuardedProcess(_START)
        if self._process is not None and not self._process.is_ready():
            self._end()
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None


def serve() -> None:
    """Decode the pictures that standard input holds until it ends; see `covers.images.guarded.serve`."""
    guarded.serve(lambda: _decode)


def _decode(asked: Asked) -> Answer:
    content, size_px, max_megapixels = asked
    image = decode(content, size_px=size_px, max_megapixels=max_megapixels)
    return image.size, image.tobytes()
