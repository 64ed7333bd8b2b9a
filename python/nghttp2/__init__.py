"""The names of nghttp2's Python bindings (2014), on h2box: HPACK, and an HTTP/2 server and client on asyncio."""
from __future__ import annotations

from h2box import BaseRequestHandler, Deflater, H2Error, HDTableEntry, HPACKError, HTTP2Client, HTTP2Server, Inflater

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_HEADER_TABLE_SIZE = 4096
DEFLATE_MAX_HEADER_TABLE_SIZE = 4096
HD_ENTRY_OVERHEAD = 32

HDDeflater = Deflater
HDInflater = Inflater


def print_hd_table(hdtable: Iterable[HDTableEntry]) -> None:
    """Prints what get_hd_table returns, a line an entry."""
    for number, entry in enumerate(hdtable):
        print("[%d] (s=%d) %s: %s" % (number, entry.space, entry.name.decode("latin-1"), entry.value.decode("latin-1")))


__all__ = ["BaseRequestHandler", "DEFAULT_HEADER_TABLE_SIZE", "DEFLATE_MAX_HEADER_TABLE_SIZE", "H2Error", "HDDeflater",
           "HDInflater", "HDTableEntry", "HD_ENTRY_OVERHEAD", "HPACKError", "HTTP2Client", "HTTP2Server", "print_hd_table"]
