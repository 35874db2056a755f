//! `sliceobject.h`: slices.
