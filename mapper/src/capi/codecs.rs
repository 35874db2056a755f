//! `codecs.h`: codecs and error handlers.
