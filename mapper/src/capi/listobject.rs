//! `listobject.h`: lists.
