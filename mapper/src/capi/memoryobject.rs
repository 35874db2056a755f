//! `memoryobject.h`: memoryviews.
