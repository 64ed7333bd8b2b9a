"""Types of the extension. Events are tuples with names; they are made by the extension alone."""
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias, final

Buffer: TypeAlias = bytes | bytearray | memoryview
Text: TypeAlias = bytes | str
Header: TypeAlias = tuple[Text, Text] | tuple[Text, Text, bool]
HeadersToSend: TypeAlias = Iterable[Header] | dict[str, str] | dict[bytes, bytes] | dict[str, bytes] | dict[bytes, str]
Headers: TypeAlias = list[tuple[bytes, bytes]]

class RequestReceived(NamedTuple):
    """Server: a request begins."""
    stream_id: int
    headers: Headers
    stream_ended: bool
    method: str
    scheme: str
    authority: str
    path: str

class ResponseReceived(NamedTuple):
    """Client: the final response begins."""
    stream_id: int
    headers: Headers
    stream_ended: bool
    status: int

class InformationalResponseReceived(NamedTuple):
    """Client: a 1xx response."""
    stream_id: int
    headers: Headers
    status: int

class TrailersReceived(NamedTuple):
    """Fields after the body; its end."""
    stream_id: int
    headers: Headers

class DataReceived(NamedTuple):
    """Bytes of a body."""
    stream_id: int
    data: bytes
    flow_controlled_length: int
    stream_ended: bool

class StreamEnded(NamedTuple):
    """The peer's side of the stream is complete."""
    stream_id: int

class StreamReset(NamedTuple):
    """The stream ended before both sides were complete; its last event."""
    stream_id: int
    error_code: int
    remote_reset: bool
    reason: str
    never_processed: bool

class StreamClosed(NamedTuple):
    """Both sides of the stream are complete; its last event."""
    stream_id: int

class PushedStreamReceived(NamedTuple):
    """Client: a response is promised."""
    pushed_stream_id: int
    parent_stream_id: int
    headers: Headers

class WindowUpdated(NamedTuple):
    """A body that was full has room again."""
    stream_id: int
    delta: int

class RemoteSettingsChanged(NamedTuple):
    """The peer's SETTINGS were applied."""
    changed_settings: dict[int, int]

class SettingsAcknowledged(NamedTuple):
    """The peer applied ours."""

class PingReceived(NamedTuple):
    """A PING, which is answered already."""
    ping_data: bytes

class PingAckReceived(NamedTuple):
    """The answer to our ping."""
    ping_data: bytes

class StreamsAvailable(NamedTuple):
    """Client: streams may be opened again."""
    count: int  # type: ignore[assignment]

class ConnectionTerminated(NamedTuple):
    """The peer sent GOAWAY: it takes no new streams."""
    error_code: int
    last_stream_id: int
    additional_data: bytes | None

class AlternativeServiceAvailable(NamedTuple):
    """RFC 7838."""
    origin: bytes
    field_value: bytes

class OriginsReceived(NamedTuple):
    """RFC 8336: what the server answers for."""
    origins: list[bytes]

Event: TypeAlias = (
    RequestReceived | ResponseReceived | InformationalResponseReceived | TrailersReceived | DataReceived |
    StreamEnded | StreamReset | StreamClosed | PushedStreamReceived | WindowUpdated | RemoteSettingsChanged |
    SettingsAcknowledged | PingReceived | PingAckReceived | StreamsAvailable | ConnectionTerminated |
    AlternativeServiceAvailable | OriginsReceived)

class WebSocketMessage(NamedTuple):
    """A whole message of a WebSocket."""
    data: str | bytes

class WebSocketPing(NamedTuple):
    """A ping, which wants a pong with the same bytes."""
    data: bytes

class WebSocketPong(NamedTuple):
    """The answer to a ping, or one that nobody asked for."""
    data: bytes

class WebSocketClosed(NamedTuple):
    """The peer closes the WebSocket, and sends no more."""
    code: int
    reason: str

WebSocketEvent: TypeAlias = WebSocketMessage | WebSocketPing | WebSocketPong | WebSocketClosed

class HDTableEntry(NamedTuple):
    """An entry of a dynamic table."""
    name: bytes
    value: bytes
    space: int

@final
class Deflater:
    """An encoder of HPACK header blocks (RFC 7541), with its dynamic table."""
    def __new__(cls, max_table_size: int = 4096) -> Deflater: ...
    def deflate(self, headers: HeadersToSend, /) -> bytes: ...
    def change_table_size(self, size: int, /) -> None: ...
    def get_hd_table(self) -> list[HDTableEntry]: ...

@final
class Inflater:
    """A decoder of HPACK header blocks (RFC 7541), with its dynamic table."""
    def __new__(cls, max_table_size: int = 4096, *, max_list_size: int = 65536) -> Inflater: ...
    def inflate(self, data: Buffer, *, sensitive: bool = False) -> Headers: ...
    def change_table_size(self, size: int, /) -> None: ...
    def get_hd_table(self) -> list[HDTableEntry]: ...

@final
class Connection:
    """One HTTP connection without its socket: bytes in, events out, bytes out."""
    def __new__(cls, client_side: bool = True, *, protocol: str = "any", secure: bool = False,
                settings: dict[int, int] | None = None, now: float | None = None,
                connection_window: int | None = None) -> Connection: ...
    @property
    def client_side(self) -> bool: ...
    @property
    def protocol(self) -> str: ...
    @property
    def pending(self) -> bool: ...
    @property
    def paused(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    @property
    def shut(self) -> bool: ...
    @property
    def torn(self) -> bool: ...
    @property
    def want_write(self) -> bool: ...
    @property
    def deadline(self) -> float | None: ...
    @property
    def outbound_room(self) -> int: ...
    @property
    def open_streams(self) -> int: ...
    def initiate_connection(self) -> None: ...
    def receive_data(self, data: Buffer, now: float | None = None) -> list[Event]: ...
    def receive_eof(self, broken: bool = False) -> list[Event]: ...
    def data_to_send(self, amount: int | None = None) -> bytes: ...
    def send_headers(self, stream_id: int, headers: HeadersToSend, end_stream: bool = False) -> None: ...
    def send_message(self, stream_id: int, headers: HeadersToSend, data: Buffer = b"") -> None: ...
    def send_data(self, stream_id: int, data: Buffer, end_stream: bool = False) -> None: ...
    def end_stream(self, stream_id: int, /) -> None: ...
    def reset_stream(self, stream_id: int, error_code: int = 0) -> None: ...
    def push_stream(self, stream_id: int, promised_stream_id: int | None, request_headers: HeadersToSend) -> int: ...
    def ping(self, opaque_data: bytes, /) -> None: ...
    def close_connection(self, error_code: int = 0, additional_data: Text | None = None) -> None: ...
    def drain(self) -> None: ...
    def prioritize(self, stream_id: int, urgency: int = 3, incremental: bool = False) -> None: ...
    def advertise_alternative_service(self, field_value: Text, origin: Text) -> None: ...
    def acknowledge_received_data(self, acknowledged_size: int, stream_id: int) -> None: ...
    def local_flow_control_window(self, stream_id: int, /) -> int: ...
    def get_next_available_stream_id(self) -> int: ...

@final
class WebSocket:
    """The frames of a WebSocket as a server reads and writes them (RFC 6455), without the stream that carries them."""
    def __new__(cls, *, max_message: int = 1048576) -> WebSocket: ...
    def receive_data(self, data: Buffer, /) -> list[WebSocketEvent]: ...
    def send_message(self, data: str | Buffer, /) -> bytes: ...
    def ping(self, data: Buffer = b"", /) -> bytes: ...
    def pong(self, data: Buffer = b"", /) -> bytes: ...
    def close(self, code: int = 1000, reason: str = "") -> bytes: ...
