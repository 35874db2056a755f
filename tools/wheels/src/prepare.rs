//! Fills a fresh folder with a package, its tests and what they need.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::folders;
use crate::interpreter::Interpreter;
use crate::manifest::{Manifest, Package, Suite};
use crate::process;

/// The folders of one package, as this program sees them.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// All of it.
    pub home: PathBuf,
    /// The installed package.
    pub site: PathBuf,
    /// pytest and what else the tests import.
    pub needs: PathBuf,
    /// The board's own Python files.
    pub own: PathBuf,
    /// Where the tests are.
    pub root: PathBuf,
}

impl Prepared {
    /// The smoke script, in a folder of its own.
    pub fn script(&self) -> PathBuf {
        self.home.join("script/smoke.py")
    }
}

/// Where things come from.
pub struct Sources<'a> {
    /// The program that installs.
    pub rustclad: &'a Path,
    /// A folder that keeps source archives.
    pub archives: PathBuf,
}

impl Sources<'_> {
    /// Installs `package` for `interpreter` into a folder of its own below `work`, and its tests if `suite`
    /// is given.
    ///
    /// # Errors
    /// If pip fails or an archive is not as expected.
    pub fn prepare(
        &self,
        manifest: &Manifest,
        package: &Package,
        interpreter: &Interpreter,
        work: &Path,
        suite: Option<&Suite>,
    ) -> Result<Prepared> {
        let home = interpreter.base(work).join(&package.name);
        if home.exists() {
            fs::remove_dir_all(&home).with_context(|| format!("cannot empty {}", home.display()))?;
        }
        let site = home.join(suite.map_or("site", |suite| &suite.site));
        let root = home.join(suite.map_or("site", |suite| &suite.root));
        let prepared = Prepared { needs: home.join("needs"), own: home.join("own"), home, site, root };
        fs::create_dir_all(&prepared.root)?;
        self.install(&package.wheels, &prepared.site, &prepared.home)?;
        copy(&folders::own().join("python"), &prepared.own)?;
        // By another name: a script called as the module that it imports would import itself.
        fs::create_dir_all(prepared.script().parent().context("a file in a folder")?)?;
        copy(&folders::own().join("smoke").join(format!("{}.py", package.name)), &prepared.script())?;
        if let Some(suite) = suite {
            let needs: Vec<String> = manifest.pytest.iter().chain(&suite.needs).cloned().collect();
            self.install(&needs, &prepared.needs, &prepared.home)?;
            self.unpack(package, suite, &prepared)?;
        }
        Ok(prepared)
    }

    /// `rustclad install` of exactly these files.
    fn install(&self, requirements: &[String], target: &Path, home: &Path) -> Result<()> {
        fs::create_dir_all(target.parent().context("a folder in a folder")?)?;
        let list = home.join("requirements.txt");
        fs::write(&list, requirements.join("\n"))?;
        let mut command = Command::new(self.rustclad);
        command.args(["install", "--quiet", "--no-deps", "-r"]).arg(&list).arg("--target").arg(target);
        quiet(&mut command)
    }

    fn unpack(&self, package: &Package, suite: &Suite, prepared: &Prepared) -> Result<()> {
        let Some(source) = &suite.source else { return Ok(()) };
        let archive = self.archive(&package.name, source)?;
        let file = archive.file_name().and_then(|name| name.to_str()).context("an archive's name")?;
        let top = file.trim_end_matches(".tar.gz");
        let mut tar = Command::new("tar");
        tar.args(["--strip-components=1", "--no-same-owner", "-xzf"]).arg(&archive).arg("-C").arg(&prepared.root);
        quiet(tar.args(suite.unpack.iter().map(|path| format!("{top}/{path}"))))
    }

    /// The source archive that `requirement` pins, downloaded once.
    fn archive(&self, name: &str, requirement: &str) -> Result<PathBuf> {
        let folder = self.archives.join(name);
        let list = folder.join("requirements.txt");
        if !fs::read_to_string(&list).is_ok_and(|had| had == requirement) {
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder)?;
            let asked = folder.join("asked.txt");
            fs::write(&asked, requirement)?;
            let mut pip = Command::new("python3");
            pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"]);
            pip.args(["--no-deps", "--no-binary", name, "--dest"]).arg(&folder).arg("-r").arg(&asked);
            quiet(&mut pip)?;
            fs::rename(asked, list)?;
        }
        let mut files = fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
        files.find(|file| file.to_string_lossy().ends_with(".tar.gz")).context("pip gave no .tar.gz")
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    quiet(Command::new("cp").arg("-rL").arg(from).arg(to))
}

fn quiet(command: &mut Command) -> Result<()> {
    process::output(command).map(drop)
}
