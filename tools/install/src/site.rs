//! Where packages go: a folder that was named, the active virtual environment, or a folder of the user's own.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Where RustPython looks for an environment's packages, below it.
const IN_ENVIRONMENT: &str = "lib/rustpython3.14t/site-packages";

/// A folder that modules are imported from, and what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// The folder on `sys.path`.
    pub(crate) folder: PathBuf,
    /// Above `bin` with the scripts and `share` with the data.
    pub(crate) prefix: PathBuf,
    /// What the first line of scripts names.
    pub(crate) python: PathBuf,
}

impl Site {
    /// The folder `target` if there is one, else the active environment's, else the user's.
    pub(crate) fn find(target: Option<PathBuf>) -> Result<Self> {
        if let Some(target) = target {
            let folder = std::path::absolute(&target).map_err(Error::io("find", &target))?;
            return Ok(Self { prefix: folder.clone(), folder, python: this_program()? });
        }
        if let Some(environment) = environment() {
            let folder = environment.join(IN_ENVIRONMENT);
            if !folder.is_dir() {
                return Err(Error::ForeignEnvironment(environment));
            }
            return Ok(Self { folder, python: environment.join("bin/python"), prefix: environment });
        }
        let folder = user_site().ok_or(Error::NoHome)?;
        let prefix = folder.parent().unwrap_or(&folder).to_owned();
        Ok(Self { folder, prefix, python: this_program()? })
    }

    /// The folder of the scripts.
    pub(crate) fn scripts(&self) -> PathBuf {
        self.prefix.join("bin")
    }
}

/// The virtual environment that the program is started from, or that is active.
fn environment() -> Option<PathBuf> {
    let called =
        env::args_os().next().map(PathBuf::from).filter(|path| path.is_absolute() || path.components().count() > 1);
    let own = called.and_then(|path| Some(std::path::absolute(path).ok()?.parent()?.parent()?.to_owned()));
    own.filter(|folder| folder.join("pyvenv.cfg").is_file())
        .or_else(|| env::var_os("VIRTUAL_ENV").filter(|it| !it.is_empty()).map(PathBuf::from))
}

fn this_program() -> Result<PathBuf> {
    env::current_exe().map_err(Error::io("find", Path::new("rustclad")))
}

/// The user's folder: `rustclad/site-packages` among the user's data.
fn user_site() -> Option<PathBuf> {
    Some(dirs::data_dir()?.join("rustclad/site-packages"))
}

/// What goes to the end of `sys.path` for the user's folder, which `rustclad install` fills outside of environments: it
/// and the folders its `.pth` files name, as far as they are there. Lines of code in `.pth` files are for `site`, which
/// does not know this folder.
pub fn user_site_paths() -> Vec<PathBuf> {
    let Some(site) = user_site() else { return Vec::new() };
    let Ok(entries) = fs::read_dir(&site) else { return Vec::new() };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".pth") && !name.starts_with('.')).collect();
    names.sort_unstable();
    let mut paths = vec![site.clone()];
    for name in names {
        let text = fs::read_to_string(site.join(name)).unwrap_or_default();
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim_end);
        let code = |line: &str| line.starts_with("import ") || line.starts_with("import\t");
        let folders = lines.filter(|line| !line.is_empty() && !line.starts_with('#') && !code(line));
        paths.extend(folders.map(|line| site.join(line)).filter(|path| path.exists()));
    }
    paths
}
