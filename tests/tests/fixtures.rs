//! The project's own extension modules, one part of the C API each, print what they print on CPython.
rustclad_tests::fixture_scripts!(rustclad_tests::same_as_cpython);
