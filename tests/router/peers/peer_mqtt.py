"""The panel of examples/router/mqtt.cfg, and the dimmers and the thermometer of mqtt_lamps.cfg.

What it writes to standard error is for the test, which starts the second router and other clients of the broker.
"""

import sys

from devices import Fixture, OscDevice


def tell_test(text):
    print(text, file=sys.stderr, flush=True)


panel = OscDevice("panel", 8010)
thermometer = OscDevice("thermometer", 8011)
dimmers = Fixture("dimmers", 6458, 3)

panel.send_message("/hall", 0.5)
panel.send_message("/porch", 1.0)
tell_test("the panel was set")
# The second router was not there when it was.
dimmers.reaches({1: 128, 2: 255})

panel.send_message("/hall", 0.25)
dimmers.hears()
thermometer.send_message("/temperature", 25.0)
panel.hears()

for what in ["a word", "a number"]:
    tell_test(f"waits for {what}")
    panel.hears()
    dimmers.hears()
panel.hears_nothing_more()
