#!/usr/bin/env python3
"""The servers of the row python_server: PORT, and h2box or h2. Not a test itself.

Both are asyncio and answer each request by a handler of the same shape with 612 bytes; the one of python3-h2 is the protocol class of
its documentation, with one write for what one read brought."""
import asyncio
import os
import sys

CONTENT = b"x" * 612
HEADERS = [("content-type", "text/plain"), ("content-length", "612")]


class Answer:
    """The handler: called with each request, answers by `send_response`."""

    def on_request_done(self):
        self.send_response(200, HEADERS, CONTENT)


def serve_h2box(port):
    sys.path.insert(0, os.environ["H2BOX_PYTHON"])
    import h2box
    h2box.HTTP2Server(("127.0.0.1", port), type("Handler", (Answer, h2box.BaseRequestHandler), {})).serve_forever()


def serve_h2(port):
    import h2.config
    import h2.connection
    import h2.events

    class Handler(Answer):
        def __init__(self, connection, event):
            self.connection, self.stream_id, self.headers = connection, event.stream_id, event.headers

        def send_response(self, status, headers, body):
            self.connection.send_headers(self.stream_id, [(":status", str(status)), *headers])
            self.connection.send_data(self.stream_id, body, end_stream=True)

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport, self.handlers = transport, {}
            self.connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
            self.connection.initiate_connection()
            transport.write(self.connection.data_to_send())

        def data_received(self, data):
            for event in self.connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.handlers[event.stream_id] = Handler(self.connection, event)
                elif isinstance(event, h2.events.StreamEnded):
                    self.handlers.pop(event.stream_id).on_request_done()
            self.transport.write(self.connection.data_to_send())

    async def main():
        server = await asyncio.get_running_loop().create_server(Protocol, "127.0.0.1", port)
        await server.serve_forever()
    asyncio.run(main())


{"h2box": serve_h2box, "h2": serve_h2}[sys.argv[2]](int(sys.argv[1]))
