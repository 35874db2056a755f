"""pyzmq: sockets of every pattern within a process, frames without copies, polling, and proxies."""

import json
import threading

import zmq
from zmq.utils import z85

context = zmq.Context()
print(zmq.zmq_version_info()[0], zmq.pyzmq_version_info()[0] >= 27, zmq.backend.Socket.__module__, context.closed, context.get(zmq.MAX_SOCKETS) > 0, zmq.has("curve"), zmq.PAIR, repr(zmq.SocketType.PUB), zmq.Errno.EAGAIN)

left, right = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
left.bind("inproc://pair")
right.connect("inproc://pair")
left.send(b"bytes")
left.send_string("té漢")
left.send_json({"a": [1, None]})
left.send_pyobj({1, 2})
left.send_multipart([b"one", memoryview(b"two"), bytearray(b"three")])
print(right.recv(), right.recv_string(), right.recv_json(), right.recv_pyobj(), right.recv_multipart())
left.send(b"more", zmq.SNDMORE)
left.send(b"last")
print(right.recv(), right.getsockopt(zmq.RCVMORE), right.recv(), right.rcvmore, left.type == zmq.PAIR, left.get(zmq.LINGER), right.last_endpoint, left.closed)

data = b"x" * 100_000
tracker = left.send(data, copy=False, track=True)
frame = right.recv(copy=False)
print(type(frame).__name__, len(frame), frame.bytes == data, frame.buffer[:3].tobytes(), frame.more, len(memoryview(frame)), frame == frame, isinstance(tracker, zmq.MessageTracker))
del frame
tracker.wait(10)
print(tracker.done, zmq.Frame(b"abc").bytes, memoryview(zmq.Frame(b"abc")).nbytes, str(zmq.Frame("é".encode())), zmq.Frame(b"", track=True).tracker.done, zmq.Frame().bytes)
buffer = bytearray(10)
left.send(b"into")
print(right.recv_into(buffer), buffer)
frame = zmq.Frame(b"y" * 70_000)
left.send(frame, copy=False)
view = right.recv(copy=False).buffer
print(view.nbytes, view[5], view.readonly)

publisher = context.socket(zmq.XPUB)
publisher.bind("inproc://news")
subscribers = [context.socket(zmq.SUB) for _ in range(2)]
for subscriber, topic in zip(subscribers, ("a", "b")):
    subscriber.connect("inproc://news")
    subscriber.subscribe(topic)
print(sorted(publisher.recv() for _ in range(2)))
for i in range(4):
    publisher.send_multipart([b"ab"[i % 2 : i % 2 + 1], str(i).encode()])
print([[it.recv_multipart() for _ in range(2)] for it in subscribers])
subscribers[0].unsubscribe(b"a")
print(publisher.recv())

poller = zmq.Poller()
for it in (*subscribers, right):
    poller.register(it, zmq.POLLIN)
print(poller.poll(0), right.poll(0), left.poll(0, zmq.POLLOUT), len(poller.sockets), left in poller)
left.send(b"wake")
print([(it is right, event) for it, event in poller.poll(1000)], zmq.select([right], [left], [], 1) == ([right], [left], []), right.recv())
poller.unregister(right)

router, dealer = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
with router, dealer:
    dealer.setsockopt(zmq.IDENTITY, b"me")
    port = router.bind_to_random_port("tcp://127.0.0.1")
    dealer.connect(f"tcp://127.0.0.1:{port}")
    dealer.send_multipart([b"", b"question"])
    print(router.recv_multipart(), router.send_multipart([b"me", b"", b"answer"]), dealer.recv_multipart(), isinstance(dealer.identity, bytes))
print(router.closed, dealer.closed)


def serve():
    with context.socket(zmq.REP) as service:
        service.bind("inproc://service")
        ready.set()
        for _ in range(100):
            service.send_json(sum(service.recv_json()))


ready = threading.Event()
thread = threading.Thread(target=serve)
thread.start()
ready.wait()
with context.socket(zmq.REQ) as client:
    client.connect("inproc://service")
    answers = []
    for i in range(100):
        client.send(json.dumps([i, i]).encode())
        answers.append(client.recv_json())
thread.join()
print(answers[:3], sum(answers))
push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
pull.set(zmq.RCVHWM, 10)
pull.bind("inproc://work")
push.connect("inproc://work")
push.sndtimeo = 50
sent = [push.send(bytes([i % 256]) * i) for i in range(1000)]
print(len(sent), sum(len(pull.recv()) for _ in range(1000)), pull.rcvhwm, push.sndtimeo)
public, secret = zmq.curve_keypair()
print(len(public), zmq.curve_public(secret) == public, z85.decode(z85.encode(b"\x86\x4f\xd2\x6f\xb5\x59\xf7\x5b")), zmq.strerror(zmq.EAGAIN), zmq.proxy.__name__)
monitor = push.get_monitor_socket(zmq.EVENT_ALL)
print(monitor.type == zmq.PAIR, push.disable_monitor())
for action in (
    lambda: pull.recv(zmq.NOBLOCK),
    lambda: pull.send(b"x"),
    lambda: left.bind("nothing://x"),
    lambda: left.connect("tcp://"),
    lambda: left.send("text"),
    lambda: left.send_multipart([b"a", 5]),
    lambda: left.setsockopt(zmq.LINGER, "x"),
    lambda: left.setsockopt(9999, 1),
    lambda: left.nothing,
    lambda: router.recv(),
    lambda: context.socket(77),
    lambda: zmq.Frame(5),
    lambda: zmq.curve_public(b"short"),
    lambda: right.recv_into(b"read only", flags=zmq.NOBLOCK),
    lambda: zmq.Poller().unregister(left),
    lambda: context.set(zmq.IO_THREADS, "x"),
):
    try:
        print("no error:", action())
    except Exception as error:
        print(type(error).__name__, str(error).split(" at 0x")[0].split("<zmq")[0][:90])
context.destroy(linger=0)
print(context.closed, left.closed, zmq.Context.instance() is zmq.Context.instance())
