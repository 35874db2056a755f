//! `bytearrayobject.h`: bytearrays.
