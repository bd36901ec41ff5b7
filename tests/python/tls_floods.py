"""Sends much that is worth little, by tlslite-ng, which lets us: tls_floods.py ADDRESS:PORT

Each kind may come so often in a row and then still get an answer; once more, and the connection ends. Prints `ok WHAT` for
each that is so, and ends with the first that is not.
"""

import socket
import sys

from tlslite.api import HandshakeSettings, TLSConnection
from tlslite.constants import AlertDescription, AlertLevel, ContentType, HandshakeType, KeyUpdateMessageType
from tlslite.messages import Alert, ApplicationData, ChangeCipherSpec, ClientHello, KeyUpdate

# The longest that anything may take which is expected to come, in seconds.
SOON = 30
REQUEST = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
OLD, NEW = (3, 3), (3, 4)

address, port = sys.argv[1].rsplit(":", 1)


def connect(version):
    connection = TLSConnection(socket.create_connection((address, int(port)), timeout=SOON))
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = version
    connection.handshakeClientCert(settings=settings, serverName="localhost")
    return connection


def send(connection, message):
    if isinstance(message, KeyUpdate):
        # What follows is encrypted with the new keys.
        steps = connection.send_keyupdate_request(message.message_type)
    else:
        steps = connection._recordLayer.sendRecord(message)
    for _ in steps:
        pass


def records(connection):
    """What comes until the end is said, or an error where it is not."""
    while True:
        # On a socket that waits, the first that it has is a record.
        header, parser = next(connection._recordLayer.recvRecord())
        if header.type == ContentType.application_data:
            yield bytes(parser.bytes)
        elif header.type == ContentType.handshake and parser.bytes[0] == HandshakeType.key_update:
            session = connection.session
            # What follows is encrypted with the new keys; the name is the library's.
            session.cl_app_secret, session.sr_app_secret = connection._recordLayer.calcTLS1_3KeyUpdate_sender(
                session.cipherSuite, session.cl_app_secret, session.sr_app_secret
            )
        elif header.type == ContentType.alert:
            level, description = parser.bytes
            if description == AlertDescription.close_notify:
                return
            assert level == AlertLevel.warning, "a fatal alert"


def answer(version, message, times):
    """What comes back for a request behind so many of them; empty where the connection ended instead."""
    connection = connect(version)
    try:
        for _ in range(times):
            # Sending changes what is sent.
            send(connection, message())
        send(connection, ApplicationData().create(bytearray(REQUEST)))
        return b"".join(records(connection))
    # Python's own and tlslite's: it ended, with or without an alert.
    except Exception as error:
        assert not isinstance(error, TimeoutError), "it neither answered nor ended"
        return b""
    finally:
        connection.sock.close()


def hello():
    return ClientHello().create(OLD, bytearray(32), bytearray(), [0xC02F, 0x00FF])


floods = [
    ("empty records", OLD, lambda: ApplicationData().create(bytearray()), 32),
    ("empty records", NEW, lambda: ApplicationData().create(bytearray()), 32),
    ("new keys", NEW, lambda: KeyUpdate().create(KeyUpdateMessageType.update_not_requested), 32),
    ("new keys, ours too", NEW, lambda: KeyUpdate().create(KeyUpdateMessageType.update_requested), 32),
    ("warnings", OLD, lambda: Alert().create(AlertDescription.user_canceled, AlertLevel.warning), 4),
    ("warnings", NEW, lambda: Alert().create(AlertDescription.user_canceled, AlertLevel.warning), 4),
    ("another handshake", OLD, hello, 1),
    ("change_cipher_spec", OLD, lambda: ChangeCipherSpec().create(), 0),
    ("change_cipher_spec", NEW, lambda: ChangeCipherSpec().create(), 0),
]
for name, version, message, allowed in floods:
    what = f"{name} {version}"
    got = answer(version, message, allowed)
    assert got.startswith(b"HTTP/1.1 200 "), f"{what}: {allowed} are too many: {got!r:.200}"
    got = answer(version, message, allowed + 1)
    assert got == b"", f"{what}: {allowed + 1} are not too many: {got!r:.200}"
    print("ok", what)
