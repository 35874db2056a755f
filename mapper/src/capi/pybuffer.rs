//! `pybuffer.h`: the buffer protocol.
