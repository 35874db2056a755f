//! `sysmodule.h` and `audit.h`: the sys module.
