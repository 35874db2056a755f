"""The panel and the lamp of examples/router/fader.cfg."""

import time

from devices import Fixture, OscDevice

panel = OscDevice("panel", 8020)
stage = Fixture("stage", 6461, 4)
stage.hears()
CURVE = [round((step / 50) ** 2 * 0xFFFF) for step in range(51)]


def near(wide):
    """Whether a value is one of the curve, give or take a sum's rounding."""
    return any(abs(wide - value) <= 1 for value in CURVE)


def glides(goal, end):
    panel.send_message("/fader", goal)
    began = time.monotonic()
    seen = [stage.next()]
    while seen[-1] != end:
        seen.append(stage.next())
    seconds = time.monotonic() - began
    wide = [state.get(10, 0) << 8 | state.get(11, 0) for state in seen]
    print("steps in between:", len(wide) > 10, "in one direction:", wide in (sorted(wide), sorted(wide, reverse=True)))
    print("on the curve:", all(map(near, wide)), "not at once:", seconds > 0.4)
    print("stage reaches", end)


glides(1.0, {1: 255, 10: 255, 11: 255})
glides(0.5, {1: 64, 10: 64})
