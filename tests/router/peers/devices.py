"""What the router talks to in tests: devices that others wrote, whose names are in what they print."""

import itertools
import queue

from pythonosc.udp_client import SimpleUDPClient
from stupidArtnet import StupidArtnetServer

SOON = 20
"""How many seconds something may take that should happen at once."""


class OscDevice(SimpleUDPClient):
    """Sends to the router from the very socket that it listens on."""

    def __init__(self, name, router, port=0):
        super().__init__("127.0.0.1", router, timeout=SOON)
        self.name = name
        self._sock.bind(("127.0.0.1", port))

    def hears(self, count=1):
        messages = list(itertools.islice(self.get_messages(), count))
        for message in messages:
            print(self.name, "hears", message.address, message.params)
        if len(messages) < count:
            print(self.name, "waits in vain")

    def hears_nothing_more(self):
        for message in self.get_messages(timeout=0.3):
            print(self.name, "hears too much:", message.address, message.params)


class Fixture:
    """Hears an Art-Net universe. Its state is what is not 0, by channel."""

    def __init__(self, name, port, universe):
        self.name = name
        self.last = None
        self.states = queue.Queue()
        self.server = StupidArtnetServer(port)
        self.server.register_listener(universe, callback_function=self.take)

    def take(self, slots):
        state = {channel: slot for channel, slot in enumerate(slots, 1) if slot}
        if state != self.last:
            self.last = state
            self.states.put(state)

    def next(self):
        return self.states.get(timeout=SOON)

    def hears(self):
        """Prints its next new state."""
        print(self.name, "hears", self.next())

    def reaches(self, state):
        """Waits for a state, whatever comes before."""
        while self.next() != state:
            pass
        print(self.name, "reaches", state)
