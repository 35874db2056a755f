//! `iterobject.h`: iterators over sequences and callables.
