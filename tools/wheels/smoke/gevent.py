# Cooperative tasks: sleeping, waiting, locks, queues, pools, errors, timeouts, sockets, threads.
import gevent
import gevent.event
import gevent.lock
import gevent.pool
import gevent.queue
import gevent.server
import gevent.socket

out = []


def work(n):
    gevent.sleep(0.01 * (3 - n))
    out.append(n)
    return n * n


jobs = [gevent.spawn(work, n) for n in range(3)]
gevent.joinall(jobs)
print(out, [job.value for job in jobs], [job.successful() for job in jobs])
queue = gevent.queue.Queue(1)


def produce():
    for i in range(4):
        queue.put(i)
    queue.put(StopIteration)


gevent.spawn(produce)
print(list(queue))
event = gevent.event.Event()
gevent.spawn_later(0.01, event.set)
print(event.wait(5), event.is_set())
lock, order = gevent.lock.Semaphore(1), []


def critical(i):
    with lock:
        order.append(("in", i))
        gevent.sleep(0)
        order.append(("out", i))


gevent.joinall([gevent.spawn(critical, i) for i in range(4)])
print(order)
print(gevent.pool.Pool(2).map(lambda x: x * x, range(6)), sorted(gevent.pool.Pool(3).imap_unordered(abs, [-1, 2, -3])))
with gevent.Timeout(0.01, False):
    gevent.sleep(5)
    print("not reached")
try:
    with gevent.Timeout(0.01):
        gevent.sleep(5)
except gevent.Timeout as timeout:
    print("timeout", timeout.seconds)


def bad():
    raise LookupError("from a task")


hub = gevent.get_hub()
hub.NOT_ERROR += (LookupError,)
failed = gevent.spawn(bad)
failed.join()
print(failed.exception, failed.successful())
try:
    failed.get()
except LookupError as error:
    print("got", error)
sleeper = gevent.spawn(gevent.sleep, 100)
gevent.sleep(0)
sleeper.kill()
print(sleeper.dead, repr(sleeper.value))
print(gevent.get_hub().threadpool.apply(lambda a, b: a + b, (1, 2)))


def echo(client, address):
    while data := client.recv(1000):
        client.sendall(data.upper())
    client.close()


server = gevent.server.StreamServer(("127.0.0.1", 0), echo)
server.start()


def ask(text):
    client = gevent.socket.create_connection(("127.0.0.1", server.server_port))
    client.sendall(text)
    client.shutdown(1)
    parts = []
    while part := client.recv(3):
        parts.append(part)
    return b"".join(parts)


tasks = [gevent.spawn(ask, b"hello %d" % i) for i in range(10)]
gevent.joinall(tasks, timeout=10)
print([task.value for task in tasks])
server.stop()


def countdown(n):
    return n and gevent.spawn(countdown, n - 1).get() + 1


print(countdown(20))
