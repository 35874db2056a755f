//! `pycapsule.h`: capsules.
