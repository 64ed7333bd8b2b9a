"""Content that is not there as bytes: files, iterators and asynchronous iterators, queued as the peer takes it."""
from __future__ import annotations

import asyncio
import contextlib

from h2box.errors import H2Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterator
    from typing import Protocol, TypeAlias

    class Readable(Protocol):
        def read(self, n: int, /) -> str | bytes: ...

    # What a message's content may be.
    Content: TypeAlias = (str | bytes | bytearray | memoryview | Readable | Iterator[str] | Iterator[bytes] | AsyncIterable[str]
                          | AsyncIterable[bytes] | None)

PIECE = 1 << 16  # bytes read from a file at once


def plain(content):
    """Content as it is sent: None, bytes, or what a Body reads. TypeError for anything else."""
    if content is None or isinstance(content, bytes):
        return content
    if isinstance(content, str):
        return content.encode()
    if isinstance(content, (bytearray, memoryview)):
        return bytes(content)
    if hasattr(content, "read") or hasattr(content, "__aiter__") or hasattr(content, "__next__"):
        return content
    raise TypeError(f"content is str, bytes, a file, an iterator or an asynchronous iterator, not {type(content).__name__}")


def fields_of(headers):
    """Header fields as a list, of a dict or of a sequence of pairs, or of None."""
    return list(headers.items() if isinstance(headers, dict) else headers or ())


def name_of(header):
    """In lower case, of what send_headers takes as a field; it says what is wrong with another."""
    try:
        name = header[0]
        return (name if isinstance(name, str) else name.decode("latin-1")).lower()
    except (TypeError, LookupError, AttributeError):
        return ""


def as_bytes(piece):
    if isinstance(piece, bytes):
        return piece
    return piece.encode() if isinstance(piece, str) else bytes(memoryview(piece))


def discard(content):
    """Content that is not sent after all."""
    close = getattr(content, "close", None)
    if close and not hasattr(content, "__aiter__"):
        close()


class Body:
    """Puts content into the connection's queue of a stream, until that is full; goes on when it has room again."""

    def __init__(self, wire, stream_id, content, trailers=None):
        self.wire, self.stream_id, self.content, self.trailers = wire, stream_id, content, trailers
        self.room = self.task = None
        self.stopped = False
        if hasattr(content, "read"):
            self.next_piece = self.read_file
        elif not hasattr(content, "__aiter__"):
            self.next_piece = self.read_iterator

    def read_file(self):
        return as_bytes(self.content.read(PIECE))

    def read_iterator(self):
        # An empty piece is no end.
        for piece in self.content:
            if piece:
                return as_bytes(piece)
        return b""

    def go_on(self):
        if self.stopped:
            return
        if hasattr(self.content, "__aiter__"):
            if self.task is None:
                self.task = asyncio.ensure_future(self.follow())
            elif self.room and not self.room.done():
                self.room.set_result(None)
            return
        connection = self.wire.connection
        try:
            while connection.local_flow_control_window(self.stream_id):
                piece = self.next_piece()
                if not piece:
                    self.end()
                    return
                connection.send_data(self.stream_id, piece)
        except Exception as why:
            self.fail(why)

    async def follow(self):
        connection = self.wire.connection
        try:
            async for piece in self.content:
                if self.stopped:
                    return
                connection.send_data(self.stream_id, as_bytes(piece))
                self.wire.touch()
                await self.has_room()
            if not self.stopped:
                self.end()
        except (Exception, asyncio.CancelledError) as why:
            self.fail(why)
        finally:
            # One that waits in the middle has something to tidy up; without this it would wait for the cyclic collector.
            close = getattr(self.content, "aclose", None)
            if close:
                await close()

    async def has_room(self):
        while not self.stopped and not self.wire.connection.local_flow_control_window(self.stream_id):
            self.room = asyncio.get_running_loop().create_future()
            await self.room

    def end(self):
        if self.trailers:
            self.wire.connection.send_headers(self.stream_id, self.trailers, end_stream=True)
        else:
            self.wire.connection.end_stream(self.stream_id)
        self.wire.bodies.pop(self.stream_id, None)
        self.close()
        self.wire.touch()

    def fail(self, why):
        """Content that breaks off is no whole message: the peer is told so."""
        if self.stopped:
            return
        wire = self.wire
        wire.bodies.pop(self.stream_id, None)
        if not isinstance(why, asyncio.CancelledError):
            wire.loop.call_exception_handler({"message": "the content of a message failed", "exception": why, "protocol": wire})
        self.close()
        with contextlib.suppress(H2Error):  # the stream may be gone by now
            wire.connection.reset_stream(self.stream_id, 2)  # INTERNAL_ERROR
            wire.touch()

    def stop(self):
        """The stream is gone."""
        self.stopped = True
        if self.task and not self.task.done():
            self.task.cancel()
        self.close()

    def close(self):
        self.stopped = True
        discard(self.content)
