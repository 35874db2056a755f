"""What ends when the configuration is read again."""
import midimonster


def bye():
    print("gone: cleanup", flush=True)


midimonster.cleanup_handler(bye)
