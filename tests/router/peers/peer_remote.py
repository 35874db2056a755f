"""The lamps of examples/router/remote.cfg, and two who are connected to its script."""

import socket

from devices import SOON, OscDevice


class Terminal:
    """Sends lines of text, and prints those that come."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.create_connection(("127.0.0.1", 8030), timeout=SOON)
        self.file = self.socket.makefile("rw")

    def says(self, text):
        self.file.write(text)
        self.file.flush()

    def hears(self):
        print(self.name, "hears", self.file.readline().strip())


lamps = OscDevice("lamps", 8031, 8032)
one, two = Terminal("one"), Terminal("two")
two.says("hall\n")
two.hears()

one.says("hall 50\n")
for device in [lamps, one, two]:
    device.hears()

# A line in two parts, and one that nobody understands.
one.says("por")
lamps.send_message("/hall", 0.25)
one.hears()
two.hears()
one.says("ch 200\nporch up\n")
for device in [lamps, one, one, two]:
    device.hears()

two.file.close()
two.socket.close()
one.says("hall 0\n")
lamps.hears()
one.hears()
lamps.hears_nothing_more()
