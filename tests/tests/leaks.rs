//! No script leaves more blocks alive after 100 rounds than after 10.

mod modules {
    rustclad_tests::module_scripts!(rustclad_tests::leaves_nothing);
}

mod fixtures {
    rustclad_tests::fixture_scripts!(rustclad_tests::leaves_nothing);
}
