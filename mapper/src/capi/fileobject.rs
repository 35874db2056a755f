//! `fileobject.h`: files.
