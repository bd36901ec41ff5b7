"""Calls every method of grpc_server.py through a balancer: grpc_client.py ADDRESS [--tls CA NAME | --steady]

Prints `ok WHAT` for each thing that holds, and ends with the first that does not. With `--steady` it calls without a pause,
and keeps a stream open, until its standard input says so; it answers each line with what has failed so far.
"""

import queue
import sys
import threading
import time

import grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

# The longest that anything may take which is expected to come, in seconds.
SOON = 30

# Retries of the library would hide what is to be seen; a proxy of the environment is not meant.
OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", 16 << 20),
)


def channel():
    address = sys.argv[1]
    if "--tls" in sys.argv:
        authority, name = open(sys.argv[3], "rb").read(), sys.argv[4]
        options = OPTIONS + (("grpc.ssl_target_name_override", name),)
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(authority), options)
    return grpc.insecure_channel(address, OPTIONS)


def check(actual, expected, what):
    assert actual == expected, f"{what}: {actual!r:.200} rather than {expected!r:.200}"


def unary(kinds):
    echo = kinds.unary_unary("/test.Kinds/Echo")
    answer, call = echo.with_call(b"hi", timeout=SOON, metadata=(("x-from-client", "a, b"), ("x-raw-bin", b"\0\xff,")))
    check(answer, b"hi", "answer")
    first, last = call.initial_metadata(), call.trailing_metadata()
    check([value for key, value in first if key == "x-saw"], ["a, b"], "what the server saw")
    check([value for key, value in last if key == "x-last"], ["one", "two"], "trailers of one name")
    check([value for key, value in last if key == "x-raw-bin"], [b"\0\xff,"], "a trailer of bytes")
    check(echo(b"", timeout=SOON), b"", "an empty message")


def large(kinds):
    """More than any window of flow control, both ways."""
    message = bytes(range(256)) * (3 << 12)
    check(kinds.unary_unary("/test.Kinds/Echo")(message, timeout=SOON) == message, True, "3 MiB there and back")


def server_streams(kinds):
    answers = list(kinds.unary_stream("/test.Kinds/Count")(b"2000 1000", timeout=SOON))
    check(len(answers), 2000, "messages")
    for index, answer in enumerate(answers):
        check(answer, index.to_bytes(4, "big") + b"x" * 1000, f"message {index}")


def slow_reader(kinds):
    """A client that waits before it reads gets everything all the same: backpressure loses nothing."""
    call = kinds.unary_stream("/test.Kinds/Count")(b"400 50000", timeout=SOON)
    check(next(call)[:4], bytes(4), "the first")
    # Not waited for luck: whether the other side has filled the windows by then or not, the result is the same.
    time.sleep(0.3)
    check(sum(1 for _ in call), 399, "the others")


def client_streams(kinds):
    total = kinds.stream_unary("/test.Kinds/Total")
    check(total((b"x" * 1000 for _ in range(2000)), timeout=SOON), b"2000 2000000", "what arrived")
    check(total(iter(()), timeout=SOON), b"0 0", "nothing at all")


def both_stream(kinds):
    """Each message is sent only after the answer to the one before it, so nothing may be held back on the way."""
    turn = threading.Semaphore(0)

    def ask():
        for index in range(50):
            turn.acquire(timeout=SOON)
            yield str(index).encode()

    answers = kinds.stream_stream("/test.Kinds/Chat")(ask(), timeout=SOON)
    # The server speaks first, before anything of the request's body.
    check(next(answers), b"hello", "the greeting")
    for index in range(50):
        turn.release()
        check(next(answers), b"you said " + str(index).encode(), "answer")
    check(list(answers), [], "the end")


def statuses(kinds):
    try:
        kinds.unary_unary("/test.Kinds/Fail")(b"", timeout=SOON)
        assert False, "Fail did not fail"
    except grpc.RpcError as error:
        check(error.code(), grpc.StatusCode.FAILED_PRECONDITION, "code")
        check(error.details(), "no tea: 100 % \u2615", "message")
        info = error_details_pb2.ErrorInfo()
        assert rpc_status.from_call(error).details[0].Unpack(info), "the details"
        check((info.reason, info.metadata["pot"]), ("OUT_OF_TEA", "empty"), "details")
    answers = kinds.unary_stream("/test.Kinds/FailLate")(b"", timeout=SOON)
    check([next(answers), next(answers)], [b"one", b"two"], "what came before it failed")
    try:
        next(answers)
        assert False, "FailLate did not fail"
    except grpc.RpcError as error:
        check((error.code(), error.details()), (grpc.StatusCode.DATA_LOSS, "the rest is lost"), "a late status")
    try:
        kinds.unary_unary("/test.Kinds/Nothing")(b"", timeout=SOON)
        assert False, "there is no Nothing"
    except grpc.RpcError as error:
        check(error.code(), grpc.StatusCode.UNIMPLEMENTED, "an unknown method")


def deadline(kinds):
    """The client gives up, and the server is told."""
    call = kinds.unary_stream("/test.Kinds/Wait")(b"late", timeout=1)
    check(next(call), b"deadline", "the server knows the deadline")
    try:
        next(call)
        assert False, "the deadline passed unnoticed"
    except grpc.RpcError as error:
        check(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED, "code")
    said = kinds.unary_unary("/test.Kinds/HowItEnded")(b"late", timeout=SOON)
    assert b"late ended" in said.split(b"\n"), said


def cancellation(kinds):
    """The client cancels, and the server is told."""
    call = kinds.unary_stream("/test.Kinds/Wait")(b"cancelled", timeout=None)
    check(next(call), b"no deadline", "no deadline was made up on the way")
    call.cancel()
    said = kinds.unary_unary("/test.Kinds/HowItEnded")(b"cancelled", timeout=SOON)
    assert b"cancelled ended" in said.split(b"\n"), said
    # The connection is as good as before.
    check(kinds.unary_unary("/test.Kinds/Echo")(b"after", timeout=SOON), b"after", "the next call")


def many(kinds):
    """A hundred calls at once on one connection."""
    echo = kinds.unary_unary("/test.Kinds/Echo")
    calls = [(index, echo.future(str(index).encode() * 100, timeout=SOON)) for index in range(100)]
    for index, call in calls:
        check(call.result(), str(index).encode() * 100, "answer")


def standard_health(kinds):
    stub = health_pb2_grpc.HealthStub(kinds)
    request = health_pb2.HealthCheckRequest(service="test.Kinds")
    check(stub.Check(request, timeout=SOON).status, health_pb2.HealthCheckResponse.SERVING, "health")


CHECKS = (
    unary,
    large,
    server_streams,
    slow_reader,
    client_streams,
    both_stream,
    statuses,
    deadline,
    cancellation,
    many,
    standard_health,
)


def steady(kinds):
    """Several callers and one stream; each line of the input is answered by how it went since the last."""
    echo, stop, lock = kinds.unary_unary("/test.Kinds/Echo"), threading.Event(), threading.Lock()
    failures, calls = [], [0]

    def call():
        while not stop.is_set():
            try:
                echo(b"tea", timeout=SOON)
                with lock:
                    calls[0] += 1
            except grpc.RpcError as error:
                with lock:
                    failures.append(f"{error.code()} {error.details()}")

    words = queue.Queue()
    stream = kinds.stream_stream("/test.Kinds/Chat")(iter(words.get, None))
    check(next(stream), b"hello", "the greeting")
    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    print("steady", flush=True)
    try:
        for line in sys.stdin:
            word = line.strip().encode()
            words.put(word)
            check(next(stream), b"you said " + word, "the stream")
            # Not before some calls have been made since the line came.
            with lock:
                seen = calls[0] + len(failures)
            while calls[0] + len(failures) < seen + 50:
                time.sleep(0.01)
            with lock:
                print(f"{len(failures)} failed {failures[:3]}", flush=True)
    finally:
        stop.set()
        words.put(None)
        for caller in callers:
            caller.join()


def main():
    with channel() as kinds:
        if "--steady" in sys.argv:
            return steady(kinds)
        for one in CHECKS:
            one(kinds)
            print("ok", one.__name__, flush=True)
    print("all", len(CHECKS), flush=True)


main()
