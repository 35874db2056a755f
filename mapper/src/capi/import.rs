//! `import.h`: the import system.
