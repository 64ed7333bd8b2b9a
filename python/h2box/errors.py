"""What h2box raises: each exception carries the wire code, the reason, and who is affected."""
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class H2Error(Exception):
    """Anything that is wrong with HTTP.

    code: the error code of RFC 9113 section 7; reason: why, in words; scope: what ends by it, "stream" or
    "connection", or "caller" when the call was refused and nothing changed."""

    def __init__(self, reason: str, code: int = 0, scope: str = "caller") -> None:
        super().__init__(reason)
        self.reason, self.code, self.scope = reason, code, scope


class ProtocolError(H2Error):
    """The peer broke the protocol (scope "connection"), or what was to be sent would (scope "caller").

    events: what receive_data had found before the fault."""

    def __init__(self, reason: str, code: int = 0, scope: str = "caller", events: Sequence[Any] = ()) -> None:
        super().__init__(reason, code, scope)
        self.events = events


class CallError(H2Error):
    """The state or the role of the connection does not allow that call."""


class StreamClosedError(H2Error):
    """There is no such stream, or there is no more."""


class TooManyStreamsError(H2Error):
    """There is no room for a stream now; StreamsAvailable says when there is."""


class HPACKError(H2Error):
    """Bytes that are no header block, or one that is too long."""


class StreamResetError(H2Error):
    """A request came to nothing: its stream was reset, or the connection ended.

    never_processed: the peer surely did not act on it, so it may be sent again."""

    def __init__(self, reason: str, code: int = 0, scope: str = "stream", never_processed: bool = False) -> None:
        super().__init__(reason, code, scope)
        self.never_processed = never_processed


class ClientDisconnected(StreamClosedError, OSError):
    """What an ASGI application gets when it sends to a client that is gone."""
