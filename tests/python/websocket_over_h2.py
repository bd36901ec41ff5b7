"""WebSocket over HTTP/2 (RFC 8441), by the `h2` package: websocket_over_h2.py HOST:PORT [CA NAME] [stay]

Speaks to websocket_server.py through a balancer. Prints `ok WHAT` for each thing that holds, and ends with the first
that does not. With `stay` it opens one conversation, prints `open`, and prints the echo of each line of its standard input.
"""

import socket
import ssl
import sys

import h2.config
import h2.connection
import h2.events
import h2.settings
from wsproto.frame_protocol import CloseReason, FrameProtocol, Opcode

# The longest that anything may take which is expected to come, in seconds.
SOON = 30


def check(actual, expected, what):
    assert actual == expected, f"{what}: {actual!r:.200} rather than {expected!r:.200}"


class Connection:
    """One connection of HTTP/2, driven by whoever waits for something."""

    def __init__(self, address, authority=None, name="localhost"):
        host, port = address.rsplit(":", 1)
        self.name = name
        self.wire = socket.create_connection((host, int(port)), SOON)
        if authority:
            context = ssl.create_default_context(cafile=authority)
            context.set_alpn_protocols(["h2"])
            self.wire = context.wrap_socket(self.wire, server_hostname=name)
            check(self.wire.selected_alpn_protocol(), "h2", "ALPN")
        self.scheme = "https" if authority else "http"
        # Header names and values are checked on the way in; what is sent is ours.
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.streams = {}
        self.knows_connect = None
        self.flush()
        while self.knows_connect is None:
            self.turn()

    def flush(self):
        self.wire.sendall(self.h2.data_to_send())

    def turn(self):
        """Reads once and lets everybody have what is theirs."""
        received = self.wire.recv(1 << 16)
        assert received, "the connection ended"
        for event in self.h2.receive_data(received):
            if isinstance(event, h2.events.RemoteSettingsChanged):
                code = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL
                changed = event.changed_settings.get(code)
                self.knows_connect = self.knows_connect or bool(changed and changed.new_value)
            elif isinstance(event, h2.events.DataReceived):
                # What was received is used up at once: the window is as wide as the reader is fast.
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                self.streams[event.stream_id].received(event.data)
            elif isinstance(event, h2.events.ResponseReceived):
                self.streams[event.stream_id].head = dict(event.headers)
            elif isinstance(event, h2.events.StreamEnded):
                self.streams[event.stream_id].ended = "end"
            elif isinstance(event, h2.events.StreamReset):
                self.streams[event.stream_id].ended = f"reset {event.error_code}"
            elif isinstance(event, h2.events.ConnectionTerminated):
                # Without an error it says only that new streams belong on another connection.
                assert event.error_code == 0, f"GOAWAY {event.error_code}"
        self.flush()

    def request(self, fields, end):
        stream = self.h2.get_next_available_stream_id()
        self.streams[stream] = Stream(self, stream)
        self.h2.send_headers(stream, fields, end_stream=end)
        self.flush()
        return self.streams[stream]

    def websocket(self, path):
        fields = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", self.scheme),
            (":path", path),
            (":authority", self.name),
            ("sec-websocket-version", "13"),
        ]
        stream = self.request(fields, end=False)
        stream.is_websocket = True
        stream.answered()
        check(stream.head[":status"], "200", "the answer to extended CONNECT")
        return stream

    def get(self, path):
        fields = [(":method", "GET"), (":scheme", self.scheme), (":path", path), (":authority", self.name)]
        stream = self.request(fields, end=True)
        stream.answered()
        while not stream.ended:
            self.turn()
        return stream


class Stream:
    """One stream; frames of WebSocket are read from it if it is one."""

    def __init__(self, connection, number):
        self.connection, self.number = connection, number
        self.head = self.ended = None
        self.body = b""
        self.frames = FrameProtocol(client=True, extensions=[])
        self.messages, self.part, self.closed = [], b"", None
        self.is_websocket = False

    def answered(self):
        while self.head is None and self.ended is None:
            self.connection.turn()
        assert self.head, f"no answer: {self.ended}"

    def received(self, some):
        if not self.is_websocket:
            self.body += some
            return
        self.frames.receive_bytes(some)
        for frame in self.frames.received_frames():
            if frame.opcode is Opcode.PING:
                self.send(self.frames.pong(frame.payload))
            elif frame.opcode is Opcode.CLOSE:
                self.closed = frame.payload
            elif frame.opcode is Opcode.PONG:
                self.messages.append(("pong", bytes(frame.payload)))
            else:
                payload = frame.payload if isinstance(frame.payload, str) else bytes(frame.payload)
                self.part = payload if not self.part else self.part + payload
                if frame.message_finished:
                    self.messages.append(self.part)
                    self.part = b""

    def send(self, some):
        """As far as the windows allow, and then as they open."""
        h2 = self.connection.h2
        while some:
            room = min(h2.local_flow_control_window(self.number), h2.max_outbound_frame_size)
            if room <= 0:
                self.connection.turn()
                continue
            h2.send_data(self.number, some[:room])
            some = some[room:]
            self.connection.flush()

    def say(self, message, finished=True):
        self.send(self.frames.send_data(message, finished))

    def hear(self):
        while not self.messages:
            assert self.ended is None, f"it ended: {self.ended}"
            self.connection.turn()
        return self.messages.pop(0)


def settings(connection):
    check(connection.knows_connect, True, "SETTINGS_ENABLE_CONNECT_PROTOCOL")


def echoes(connection):
    stream = connection.websocket("/echo")
    for forbidden in ("connection", "upgrade", "sec-websocket-accept", "transfer-encoding"):
        assert forbidden not in stream.head, f"{forbidden} in HTTP/2"
    for message in ("hello", b"\0\xff" * 1000, "last"):
        stream.say(message)
        check(stream.hear(), message, "echo")


def fragments(connection):
    stream = connection.websocket("/fragments")
    check(stream.hear(), "".join(f"{index}," for index in range(1000)), "one message in many frames")
    for index in range(100):
        stream.say(f"{index},", finished=index == 99)
    check(stream.hear(), "".join(f"{index}," for index in range(100)), "sent in pieces")


def large(connection):
    stream = connection.websocket("/echo")
    message = bytes(range(256)) * (1 << 13)
    stream.say(message)
    check(stream.hear() == message, True, "2 MiB there and back")


def pings(connection):
    stream = connection.websocket("/ping")
    check(stream.hear(), "you answered", "the server's ping")
    stream.send(stream.frames.ping(b"and you"))
    check(stream.hear(), ("pong", b"and you"), "our ping")


def closing(connection):
    stream = connection.websocket("/close")
    while stream.closed is None:
        connection.turn()
    check((stream.closed[0], stream.closed[1]), (4321, "enough \u2615"), "the server's word")
    stream.send(stream.frames.close(4321))
    while stream.ended is None:
        connection.turn()
    check(stream.ended, "end", "how the stream ended")
    stream = connection.websocket("/echo")
    stream.send(stream.frames.close(CloseReason.NORMAL_CLOSURE, "bye"))
    while stream.closed is None:
        connection.turn()
    check(stream.closed[0], CloseReason.NORMAL_CLOSURE, "our own word came back")


def dropping(connection):
    """A backend that breaks off breaks this stream and no other."""
    other = connection.websocket("/echo")
    stream = connection.websocket("/drop")
    while stream.ended is None:
        connection.turn()
    assert stream.ended.startswith("reset"), f"a cut must not look like an end: {stream.ended}"
    other.say("still here")
    check(other.hear(), "still here", "the other stream")


def beside_requests(connection):
    """Tunnels and requests share one connection."""
    streams = [connection.websocket("/echo") for _ in range(10)]
    for turn in range(5):
        for index, stream in enumerate(streams):
            stream.say(f"{index} {turn}")
        page = connection.get("/plain")
        check((page.head[":status"], page.body), ("200", b"ws0"), "a page")
        for index, stream in enumerate(streams):
            check(stream.hear(), f"{index} {turn}", "echo")


CHECKS = (settings, echoes, fragments, large, pings, closing, dropping, beside_requests)


def stay():
    stream = Connection(*[word for word in sys.argv[1:] if word != "stay"]).websocket("/echo")
    print("open", flush=True)
    for line in sys.stdin:
        stream.say(line.strip())
        print(stream.hear(), flush=True)


def main():
    if "stay" in sys.argv:
        return stay()
    for one in CHECKS:
        # Each over one of its own, so that a failure says where it arose.
        one(Connection(*sys.argv[1:]))
        print("ok", one.__name__, flush=True)
    print("all", len(CHECKS), flush=True)


main()
