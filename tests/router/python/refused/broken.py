"""A module that does not import."""
1 / 0
