//! `pylifecycle.h`: starting and ending the interpreter.
