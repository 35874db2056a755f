//! `pymem.h`: memory.
