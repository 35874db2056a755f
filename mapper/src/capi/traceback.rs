//! `traceback.h`: tracebacks.
