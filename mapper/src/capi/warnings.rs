//! `warnings.h`: warnings.
