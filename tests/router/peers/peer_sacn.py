"""The desk and the lobby of examples/router/sacn.cfg. Ends when the router says that its universe ends."""

import queue
import sys
import time

import sacn
from devices import SOON

events = queue.Queue()
lobby = sacn.sACNreceiver(bind_port=5569)
lobby.register_listener("availability", lambda universe, changed: events.put((universe, changed)))
lobby.register_listener("universe", events.put, universe=101)


def hears():
    event = events.get(timeout=SOON)
    if isinstance(event, tuple):
        print("lobby hears", *event)
        return
    state = {channel: slot for channel, slot in enumerate(event.dmxData, 1) if slot}
    print("lobby hears", event.universe, event.sourceName, bytes(event.cid).hex(), event.priority, state)


def desk_of(priority, values):
    """A console that sends universe 1 to the router."""
    desk = sacn.sACNsender(source_name=f"Desk {priority}", cid=(priority,) * 16, bind_port=0)
    desk.activate_output(1)
    desk[1].destination = "127.0.0.1"
    desk[1].priority = priority
    desk[1].dmx_data = slots(values)
    desk.start()
    return desk


def slots(values):
    return tuple(values.get(channel, 0) for channel in range(1, 513))


lobby.start()
hears()
hears()

desk = desk_of(100, {1: 9, 101: 255, 102: 128, 110: 0xAB, 111: 0xCD})
hears()

# A desk of a lower priority changes nothing.
backup = desk_of(50, {101: 1, 102: 1, 103: 1})
time.sleep(0.5)
desk[1].dmx_data = slots({101: 254, 103: 77})
hears()

print("all was heard", file=sys.stderr, flush=True)
# Three packets say that the universe ends; mere silence would be noticed once.
for _ in range(3):
    hears()
for device in [desk, backup, lobby]:
    device.stop()
