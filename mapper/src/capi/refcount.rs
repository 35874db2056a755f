//! `refcount.h`: reference counts.
