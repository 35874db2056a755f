//! `setobject.h`: sets.
