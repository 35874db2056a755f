//! The environment that conditions of requirements are about: pip judges them by the Python it runs on itself.

use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder, Requirement};

/// Whether `requirement` holds, without extras, for CPython 3.14 on Linux, which is what the wheels are made for.
pub(crate) fn applies(requirement: &Requirement) -> bool {
    let environment = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
        implementation_name: "cpython",
        implementation_version: "3.14.0",
        os_name: "posix",
        platform_machine: std::env::consts::ARCH,
        platform_python_implementation: "CPython",
        platform_release: "",
        platform_system: "Linux",
        platform_version: "",
        python_full_version: "3.14.0",
        python_version: "3.14",
        sys_platform: "linux",
    });
    requirement.evaluate_markers(&environment.expect("its versions are versions"), &[])
}
