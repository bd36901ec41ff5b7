"""A gRPC server with a method of every kind: grpc_server.py NAME [--tls CERTIFICATE KEY]

It listens on a port of 127.0.0.1 that the kernel picks, prints `listening PORT`, and ends with its standard input.
Messages are plain bytes, so that nothing needs to be generated.
"""

import os
import sys
import threading
from concurrent import futures

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status

# Calls at once; each waits in a thread.
THREADS = 64
# The longest that a call waits for its end before it gives up, in seconds.
PATIENCE = 30

name = sys.argv[1]
ended = threading.Condition()
# How calls of Wait ended, in order.
endings = []


def echo(request, context):
    seen = dict(context.invocation_metadata())
    context.send_initial_metadata((("x-server", name), ("x-saw", seen.get("x-from-client", "nothing"))))
    # Several fields of one name and one of bytes; both must arrive as they are.
    context.set_trailing_metadata((("x-last", "one"), ("x-last", "two"), ("x-raw-bin", seen.get("x-raw-bin", b""))))
    return request


def fail(request, context):
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason="OUT_OF_TEA", domain="test", metadata={"pot": "empty"}))
    status = status_pb2.Status(code=code_pb2.FAILED_PRECONDITION, message="no tea: 100 % \u2615", details=[detail])
    context.abort_with_status(rpc_status.to_status(status))


def fail_late(request, context):
    yield b"one"
    yield b"two"
    context.abort(grpc.StatusCode.DATA_LOSS, "the rest is lost")


def count(request, context):
    number, size = (int(word) for word in request.split())
    for index in range(number):
        yield index.to_bytes(4, "big") + b"x" * size


def total(requests, context):
    messages = byte_count = 0
    for request in requests:
        messages += 1
        byte_count += len(request)
    return f"{messages} {byte_count}".encode()


def chat(requests, context):
    yield b"hello"
    for request in requests:
        yield b"you said " + request


def wait(request, context):
    """Sends one message and waits for the end of the call, whoever ends it."""
    over = threading.Event()

    def end():
        with ended:
            endings.append(request + b" ended")
            ended.notify_all()
        over.set()

    # Not after the wait: the library does not come back here when the call ends while it sends.
    context.add_callback(end)
    # None, or what the library takes for infinite.
    left = context.time_remaining()
    yield b"no deadline" if left is None or left > 1e6 else b"deadline"
    over.wait(PATIENCE)


def how_it_ended(request, context):
    """Waits until the named call of Wait has ended."""
    with ended:
        ended.wait_for(lambda: any(ending.startswith(request + b" ") for ending in endings), PATIENCE)
        return b"\n".join(endings)


METHODS = {
    "Echo": grpc.unary_unary_rpc_method_handler(echo),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "FailLate": grpc.unary_stream_rpc_method_handler(fail_late),
    "Count": grpc.unary_stream_rpc_method_handler(count),
    "Total": grpc.stream_unary_rpc_method_handler(total),
    "Chat": grpc.stream_stream_rpc_method_handler(chat),
    "Wait": grpc.unary_stream_rpc_method_handler(wait),
    "HowItEnded": grpc.unary_unary_rpc_method_handler(how_it_ended),
}


def main():
    # Without so_reuseport=0 two servers of one machine could get the same port.
    options = (("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 16 << 20))
    server = grpc.server(futures.ThreadPoolExecutor(THREADS), options=options)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Kinds", METHODS),))
    # Like its name `sick`, a server may be one that says it is not serving.
    state = health_pb2.HealthCheckResponse
    servicer = health.HealthServicer()
    servicer.set("", state.NOT_SERVING if name.startswith("sick") else state.SERVING)
    servicer.set("test.Kinds", state.NOT_SERVING if name.startswith("sick") else state.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if len(sys.argv) > 2:
        chain, key = (open(path, "rb").read() for path in sys.argv[3:5])
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, chain)]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening {port}", flush=True)
    # A word turns its health over; the end of the input ends it.
    for line in sys.stdin:
        servicer.set("", state.NOT_SERVING if line.strip() == "sick" else state.SERVING)
        servicer.set("test.Kinds", state.NOT_SERVING if line.strip() == "sick" else state.SERVING)
        print(line.strip(), flush=True)
    os._exit(0)


main()
