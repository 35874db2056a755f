//! `structseq.h`: struct sequences.
