//! `cpython/pyhash.h`: hashing.
