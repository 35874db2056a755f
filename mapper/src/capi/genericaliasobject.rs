//! `genericaliasobject.h`: generic aliases.
