"""A WebSocket server: websocket_server.py NAME

It listens on a port of 127.0.0.1 that the kernel picks, prints `listening PORT`, and ends with its standard input. What
it does is the path: `/echo` (and anything else), `/fragments`, `/ping`, `/close`, `/drop`; anything
that is no WebSocket is answered with its name.
"""

import asyncio
import struct
import sys
from socket import SO_LINGER, SOL_SOCKET

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

name = sys.argv[1]

# What `/close` says; a code of an application's own.
CLOSE_CODE = 4321


async def converse(socket):
    try:
        await do(socket)
    except ConnectionClosed:
        # However the client ended it: that is the client's test.
        pass


async def do(socket):
    path = socket.request.path
    if path == "/fragments":
        # One message in many frames.
        await socket.send(str(index) + "," for index in range(1000))
    elif path == "/ping":
        # Nothing is sent until the client has answered our ping.
        answered = await socket.ping(b"are you there")
        await answered
        await socket.send("you answered")
    elif path == "/close":
        await socket.close(CLOSE_CODE, "enough \u2615")
        return
    elif path == "/drop":
        # A reset, not an orderly end.
        linger = struct.pack("ii", 1, 0)
        socket.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, linger)
        socket.transport.abort()
        return
    async for message in socket:
        await socket.send(message)


def answer_plainly(connection, request):
    if request.headers.get("upgrade", "").lower() != "websocket":
        return connection.respond(200, name)
    return None


async def main():
    options = {
        "max_size": 32 << 20,
        # Pings of the library's own would keep a connection alive that a test wants to be quiet.
        "ping_interval": None,
        "select_subprotocol": lambda _, offered: "chat.test" if "chat.test" in offered else None,
        "process_request": answer_plainly,
    }
    async with serve(converse, "127.0.0.1", 0, **options) as server:
        print("listening", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
