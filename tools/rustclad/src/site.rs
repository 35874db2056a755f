//! Where `rustclad install` puts packages, for the interpreters that import from there.

use rustpython::vm::VirtualMachine;
use rustpython::vm::common::rc::PyRc;

/// Puts the folder of `rustclad install` at the end of `sys.path`, under the conditions of Python's user folder.
pub(crate) fn add_user_site(vm: &mut VirtualMachine) {
    let Some(state) = PyRc::get_mut(&mut vm.state) else { return };
    let (settings, paths) = (&state.config.settings, &mut state.config.paths);
    let in_environment = paths.prefix != paths.base_prefix;
    if settings.user_site_directory && settings.import_site && !in_environment {
        let folders = rustclad_install::user_site_paths();
        paths.module_search_paths.extend(folders.iter().map(|path| path.to_string_lossy().into_owned()));
    }
}
