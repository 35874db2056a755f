"""The desk and the fixtures of examples/router/artnet.cfg."""

from devices import Fixture
from stupidArtnet import StupidArtnet

dimmer = Fixture("dimmer", 6455, 0x01)
head = Fixture("head", 6456, 0x12)
desk = StupidArtnet("127.0.0.1", universe=0, port=6454)

dimmer.hears()
head.hears()

for channel, value in [(1, 255), (2, 128), (3, 1), (10, 0xAB), (11, 0xCD), (12, 0xFF), (13, 0xFF), (14, 7)]:
    desk.set_single_value(channel, value)
desk.show()
dimmer.hears()
head.hears()

desk.set_single_value(1, 0)
desk.set_single_value(4, 99)
desk.show()
dimmer.hears()
head.hears()
