"""A pytest plugin: all that other projects' tests need and RustPython lacks, worked round in this one place."""
