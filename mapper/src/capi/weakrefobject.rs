//! `weakrefobject.h`: weak references.
