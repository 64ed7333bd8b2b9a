"""What receive_data of Connection and of WebSocket returns: tuples with named items. help(h2box.events.DataReceived) tells what
each holds."""
from h2box._core import (AlternativeServiceAvailable, ConnectionTerminated, DataReceived, InformationalResponseReceived,
                         OriginsReceived, PingAckReceived, PingReceived, PushedStreamReceived, RemoteSettingsChanged,
                         RequestReceived, ResponseReceived, SettingsAcknowledged, StreamClosed, StreamEnded,
                         StreamReset, StreamsAvailable, TrailersReceived, WebSocketClosed, WebSocketMessage,
                         WebSocketPing, WebSocketPong, WindowUpdated)

__all__ = ["AlternativeServiceAvailable", "ConnectionTerminated", "DataReceived", "InformationalResponseReceived",
           "OriginsReceived", "PingAckReceived", "PingReceived", "PushedStreamReceived", "RemoteSettingsChanged",
           "RequestReceived", "ResponseReceived", "SettingsAcknowledged", "StreamClosed", "StreamEnded", "StreamReset",
           "StreamsAvailable", "TrailersReceived", "WebSocketClosed", "WebSocketMessage", "WebSocketPing",
           "WebSocketPong", "WindowUpdated"]
