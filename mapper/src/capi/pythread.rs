//! `pythread.h` and `cpython/lock.h`: locks and threads.
