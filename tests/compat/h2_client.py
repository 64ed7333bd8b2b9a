"""A client of HTTP/2 for the compat tests, by python3-h2. Not a test itself."""
import socket

import h2.config
import h2.connection
import h2.events
import h2.settings


class Client:
    """A python3-h2 connection, for what the command-line clients cannot do."""

    def __init__(self, port, window=None):
        self.sock = socket.create_connection(("127.0.0.1", port), 20)
        self.conn = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.conn.initiate_connection()
        if window is not None:
            self.conn.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.events = []
        self.flush()

    def flush(self):
        self.sock.sendall(self.conn.data_to_send())

    def get(self, path, method="GET", extra=(), end=True):
        stream = self.conn.get_next_available_stream_id()
        self.conn.send_headers(stream, [(":method", method), (":path", path), (":scheme", "http"),
                                        (":authority", "localhost"), *extra], end_stream=end)
        self.flush()
        return stream

    def read(self, auto=True):
        data = self.sock.recv(65536)
        events = self.conn.receive_data(data) if data else []
        for e in events:
            if auto and isinstance(e, h2.events.DataReceived):
                self.conn.acknowledge_received_data(e.flow_controlled_length, e.stream_id)
        self.flush()
        self.events += events
        return bool(data)

    def response(self, stream):
        """(headers, body) of a stream, read to its end."""
        while True:
            for e in self.events:
                if isinstance(e, h2.events.StreamReset) and e.stream_id == stream:
                    raise ConnectionResetError(e.error_code)
                if isinstance(e, h2.events.StreamEnded) and e.stream_id == stream:
                    mine = [x for x in self.events if getattr(x, "stream_id", None) == stream]
                    headers = [dict(x.headers) for x in mine if isinstance(x, h2.events.ResponseReceived)]
                    body = b"".join(x.data for x in mine if isinstance(x, h2.events.DataReceived))
                    return headers[0], body
            if not self.read():
                raise EOFError

    def close(self):
        self.sock.close()
