"""A module without the handlers that are asked for."""
number = 5
