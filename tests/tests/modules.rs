//! Modules that others compiled print on Rustclad what they print on CPython.
rustclad_tests::module_scripts!(rustclad_tests::same_as_cpython);
