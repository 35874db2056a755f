"""What is new after the configuration was read again."""
import midimonster


def handler(value):
    if value >= 0.3:
        midimonster.output("answer", 0.5)
