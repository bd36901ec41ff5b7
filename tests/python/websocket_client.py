"""Speaks to websocket_server.py through a balancer: websocket_client.py URL [CA] [stay]

Prints `ok WHAT` for each thing that holds, and ends with the first that does not. With `stay` it opens one connection,
prints `open`, and prints the echo of each line of its standard input.
"""

import asyncio
import ssl
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

# The longest that anything may take which is expected to come, in seconds.
SOON = 30

arguments = sys.argv[1:]
stays = "stay" in arguments
url, *authority = [word for word in arguments if word != "stay"]


def check(actual, expected, what):
    assert actual == expected, f"{what}: {actual!r:.200} rather than {expected!r:.200}"


def opened(path, **options):
    context = ssl.create_default_context(cafile=authority[0]) if authority else None
    return connect(url + path, max_size=32 << 20, ping_interval=None, open_timeout=SOON, proxy=None, ssl=context, **options)


async def texts_and_bytes():
    async with opened("/echo") as socket:
        for message in ("hello", "", "tea \u2615" * 1000, b"", bytes(range(256))):
            await socket.send(message)
            check(await socket.recv(), message, "echo")


async def uncompressed():
    async with opened("/echo", compression=None) as socket:
        check([str(one) for one in socket.protocol.extensions], [], "extensions")
        await socket.send(b"x" * 100_000)
        check(await socket.recv(), b"x" * 100_000, "echo")


async def subprotocol():
    async with opened("/echo", subprotocols=["other.test", "chat.test"]) as socket:
        check(socket.subprotocol, "chat.test", "what the server chose")


async def fragments():
    async with opened("/fragments") as socket:
        expected = [str(index) + "," for index in range(1000)]
        pieces = [piece async for piece in socket.recv_streaming()]
        # The server's library ends with an empty frame.
        check([piece for piece in pieces if piece], expected, "as it was cut")
        await socket.send(str(index) + "," for index in range(1000))
        check(await socket.recv(), "".join(expected), "sent in pieces")


async def large():
    message = bytes(range(256)) * (1 << 15)
    async with opened("/echo", compression=None) as socket:
        for _ in range(2):
            await socket.send(message)
            check(await socket.recv() == message, True, "8 MiB there and back")


async def pings():
    async with opened("/ping") as socket:
        check(await socket.recv(), "you answered", "the server's ping")
        await (await socket.ping(b"and you"))


async def closing():
    async with opened("/close") as socket:
        try:
            await socket.recv()
            assert False, "it did not close"
        except ConnectionClosed as closed:
            check((closed.rcvd.code, closed.rcvd.reason), (4321, "enough \u2615"), "the server's word")
    async with opened("/echo") as socket:
        await socket.close(4000, "bye")
        check(socket.close_code, 4000, "our own word came back")


async def dropping():
    """A server that breaks off is seen to break off, not to hang."""
    async with opened("/drop") as socket:
        try:
            await socket.recv()
            assert False, "it did not break"
        except ConnectionClosed as closed:
            check(closed.rcvd, None, "no word of farewell")


async def many():
    async def one(index):
        async with opened("/echo") as socket:
            for turn in range(20):
                await socket.send(f"{index} {turn}")
                check(await socket.recv(), f"{index} {turn}", "echo")

    await asyncio.gather(*(one(index) for index in range(50)))


CHECKS = (texts_and_bytes, uncompressed, subprotocol, fragments, large, pings, closing, dropping, many)


async def stay():
    async with opened("/echo") as socket:
        print("open", flush=True)
        while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
            await socket.send(line.strip())
            print(await asyncio.wait_for(socket.recv(), SOON), flush=True)


async def main():
    if stays:
        return await stay()
    for one in CHECKS:
        await asyncio.wait_for(one(), SOON)
        print("ok", one.__name__, flush=True)
    print("all", len(CHECKS), flush=True)


asyncio.run(main())
