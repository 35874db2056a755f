"""Glides to where a fader was moved, on a curve that looks even to the eye."""

import midimonster

# A glide from end to end takes 50 steps, a second.
STEP = 0.02
MILLISECONDS = 20

goal = 0.0
position = 0.0


def moved(value):
    global goal
    goal = value
    midimonster.interval(glide, MILLISECONDS)


def glide():
    global position
    if abs(goal - position) > STEP:
        position += STEP if goal > position else -STEP
    else:
        position = goal
        # Nothing is called while nothing moves.
        midimonster.interval(glide, 0)
    midimonster.output("level", position**2)
