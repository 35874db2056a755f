//! `moduleobject.h`: modules.
