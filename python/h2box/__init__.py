"""HTTP/2, HTTP/1.1 and HPACK on a core in C.

Without I/O: Connection (bytes in, events out, bytes out), Deflater and Inflater (HPACK), WebSocket (its frames). On asyncio:
HTTP2Server, BaseRequestHandler, HTTP2Client, and h2box.asgi for ASGI applications."""
from h2box._core import Connection, Deflater, HDTableEntry, Inflater, WebSocket
from h2box.codes import ErrorCodes, SettingCodes
from h2box.errors import (CallError, ClientDisconnected, H2Error, HPACKError, ProtocolError, StreamClosedError,
                          StreamResetError, TooManyStreamsError)
from h2box.events import *  # noqa: F403
from h2box.events import __all__ as _events

__version__ = "0.1.0"

__all__ = ["Connection", "Deflater", "HDTableEntry", "Inflater", "WebSocket", "ErrorCodes", "SettingCodes", "CallError",
           "ClientDisconnected", "H2Error", "HPACKError", "ProtocolError", "StreamClosedError", "StreamResetError", "TooManyStreamsError",
           "BaseRequestHandler", "HTTP2Server", "HTTP2Client", "Response", *_events]

TYPE_CHECKING = False  # for those who read types, who do not run this
if TYPE_CHECKING:
    from h2box.client import HTTP2Client, Response
    from h2box.server import BaseRequestHandler, HTTP2Server

# What needs asyncio is imported when it is asked for: HPACK alone must not cost that.
_LATER = {"BaseRequestHandler": "server", "HTTP2Server": "server", "HTTP2Client": "client", "Response": "client"}


def _later(name):
    if name in _LATER:
        import importlib
        value = getattr(importlib.import_module("h2box." + _LATER[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'h2box' has no attribute {name!r}")


def _names():
    return sorted({*globals(), *_LATER})


if not TYPE_CHECKING:
    __getattr__, __dir__ = _later, _names
