//! `modsupport.h`: building values, adding to modules, and (in `getargs`) parsing arguments.
