//! `unicodeobject.h` and `cpython/unicodeobject.h`: strings.
