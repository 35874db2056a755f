"""psutil: what it says of this process and machine, checked against other sources."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import psutil


def check(what, truth):
    print(f"{what}: {'as it should be' if truth else 'WRONG'}")


def status():
    with open("/proc/self/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


me = psutil.Process()
check("pid", me.pid == os.getpid() == int(status()["Pid"]))
check("parent", me.ppid() == os.getppid())
check("name", me.name().startswith(status()["Name"]))
check("program", me.exe() == os.readlink("/proc/self/exe"))
with open("/proc/self/cmdline") as file:
    check("command line", me.cmdline() == file.read().rstrip("\0").split("\0"))
check("folder", me.cwd() == os.getcwd())
check("users", me.uids().real == os.getuid() and me.gids().effective == os.getegid())
check("started", 0 <= time.time() - me.create_time() < 600)
print("state:", me.status())

memory = me.memory_info()
check("memory", 0 < memory.rss <= memory.vms)
check("memory in percent", 0 < me.memory_percent() < 100)
ballast = bytearray(64 << 20)
for i in range(0, len(ballast), 4096):
    ballast[i] = 1
check("more memory", me.memory_info().rss - memory.rss > 32 << 20)

before = me.cpu_times()
sum(i * i for i in range(300_000))
after = me.cpu_times()
check("processor time", after.user >= before.user and after.user + after.system > 0)
check("context switches", me.num_ctx_switches().voluntary >= 0)

files = me.num_fds()
with open("kept-open.txt", "w") as file:
    check("descriptors", me.num_fds() == files + 1)
    print("open files:", [os.path.basename(it.path) for it in me.open_files() if "kept-open" in it.path])

count = me.num_threads()
stop = threading.Event()
thread = threading.Thread(target=stop.wait)
thread.start()
check("threads", me.num_threads() == count + 1 and len(me.threads()) == count + 1)
stop.set()
thread.join()

with socket.socket() as server:
    server.bind(("127.0.0.1", 0))
    server.listen()
    port = server.getsockname()[1]
    mine = [it for it in me.net_connections(kind="tcp4") if it.laddr.port == port]
    print("sockets:", [(it.status, it.laddr.ip, it.raddr) for it in mine])

check("memory of the machine", psutil.virtual_memory().total == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
check("processors", psutil.cpu_count() == os.cpu_count())
check("boot", psutil.boot_time() < me.create_time())
check("disk", 0 <= psutil.disk_usage("/").percent <= 100)
check("load", len(psutil.getloadavg()) == 3)
check("all pids", {1, me.pid} <= set(psutil.pids()))
addresses = psutil.net_if_addrs()
print("loopback:", [it.address for it in addresses["lo"] if it.family == socket.AF_INET])

child = subprocess.Popen(["sleep", "600"])
process = psutil.Process(child.pid)
print("child:", process.is_running(), process.parent() == me, [it.pid == child.pid for it in me.children()])
process.suspend()
for _ in range(200):
    if process.status() == psutil.STATUS_STOPPED:
        break
    time.sleep(0.01)
print("suspended:", process.status())
process.resume()
process.nice(5)
print("nice:", process.nice(), os.getpriority(os.PRIO_PROCESS, child.pid))
try:
    process.wait(timeout=0.01)
except psutil.TimeoutExpired as error:
    print("still there:", error.seconds)
process.terminate()
gone, alive = psutil.wait_procs([process], timeout=30)
print("ended:", [it.returncode == -signal.SIGTERM for it in gone], alive, process.is_running())
try:
    psutil.Process(child.pid)
except psutil.NoSuchProcess as error:
    print("no such process:", error.pid == child.pid)
for bad in (-1, "one"):
    try:
        psutil.Process(bad)
    except (TypeError, ValueError) as error:
        print(type(error).__name__)
print("functions:", sorted(name for name in psutil.__all__ if name.startswith("cpu_")))
