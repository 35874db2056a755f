"""Allocates, so that the VM, which counts for all interpreters, always collects here."""
import midimonster


def allocates():
    [[] for _ in range(5000)]


midimonster.interval(allocates, 10)
