//! `boolobject.h`: bools.
