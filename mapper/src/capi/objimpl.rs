//! `objimpl.h`: allocating objects.
