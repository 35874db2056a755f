//! `rustclad install`: pip fills a staging folder, what is new or asked for is moved in.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use pep508_rs::Requirement;

use crate::distribution::{Distribution, key, relative, resolve};
use crate::error::{Error, Result};
use crate::markers::applies;
use crate::pip::Pip;
use crate::scripts;
use crate::site::Site;
use crate::transaction::{Transaction, staging};
use crate::uninstall::{owned, remove};

/// What `install` was asked for.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// Requirements, as pip takes them.
    pub(crate) names: Vec<String>,
    /// Files of requirements.
    pub(crate) files: Vec<PathBuf>,
    /// The site folder, if one was given.
    pub(crate) target: Option<PathBuf>,
    /// Whether newer versions replace what is installed.
    pub(crate) upgrade: bool,
    /// Whether to leave out what the packages need.
    pub(crate) no_dependencies: bool,
    /// Options for pip.
    pub(crate) passed_on: Vec<OsString>,
}

impl Request {
    /// The requirements that can be understood, those in files too.
    fn requirements(&self) -> Vec<Requirement> {
        let texts = self.files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect::<Vec<_>>();
        let lines = texts.iter().flat_map(|text| text.lines());
        // Comments and options (hashes) follow a blank.
        let lines = lines.map(|line| line.split(" #").next().unwrap_or(line).split(" --").next().unwrap_or(line));
        let all = self.names.iter().map(String::as_str).chain(lines);
        all.filter_map(|text| Requirement::from_str(text.trim()).ok()).collect()
    }
}

/// Installs what is asked for and what that needs.
pub(crate) fn install(request: &Request) -> Result<()> {
    let site = Site::find(request.target.clone())?;
    let installed = Distribution::all(&site.folder)?;
    let names: Vec<&String> =
        request.names.iter().filter(|name| !satisfied(name, request, &installed, &site)).collect();
    if names.is_empty() && request.files.is_empty() {
        return Ok(());
    }
    let stage = staging(&site.folder)?;
    let mut words: Vec<OsString> = names.into_iter().map(OsString::from).collect();
    for file in &request.files {
        words.extend(["--requirement".into(), file.into()]);
    }
    let staged = fetch(request, words, &installed, stage.path())?;
    let wanted = request.requirements();
    let stays = |it: &&Distribution| {
        installed.iter().any(|old| old.key() == it.key() && keep(old, it, request, &wanted, &staged))
    };
    let (there, new): (Vec<&Distribution>, Vec<&Distribution>) = staged.iter().partition(stays);
    for it in there.iter().filter(|it| it.is_requested()) {
        say_satisfied(&it.name, &site);
    }
    move_in(&new, &installed, &site)
}

/// Whether nothing has to be done for a requirement; says so.
fn satisfied(name: &str, request: &Request, installed: &[Distribution], site: &Site) -> bool {
    let Ok(requirement) = Requirement::from_str(name) else { return false };
    let there = |it: &Distribution| it.key() == key(requirement.name.as_ref()) && it.meets(&requirement);
    // What an extra needs is not known without pip.
    let satisfied = !request.upgrade && requirement.extras.is_empty() && installed.iter().any(there);
    if satisfied {
        say_satisfied(name, site);
    }
    satisfied
}

fn say_satisfied(name: &str, site: &Site) {
    println!("Requirement already satisfied: {name} in {}", site.folder.display());
}

/// Lets pip fetch `words`, then what their wheels need on this Python rather than on pip's own.
fn fetch(
    request: &Request,
    mut words: Vec<OsString>,
    installed: &[Distribution],
    stage: &Path,
) -> Result<Vec<Distribution>> {
    let pip = Pip::find()?;
    let mut staged: Vec<Distribution> = Vec::new();
    let mut asked = HashSet::new();
    while !words.is_empty() {
        let folder = stage.join(asked.len().to_string());
        let own = request.no_dependencies.then(|| OsString::from("--no-deps"));
        pip.install(&folder, request.passed_on.iter().cloned().chain(own).chain(words))?;
        for found in Distribution::all(&folder)? {
            if !staged.iter().any(|it| it.key() == found.key()) {
                staged.push(found);
            }
        }
        let missing = if request.no_dependencies { Vec::new() } else { missing(&staged, installed) };
        words = missing.into_iter().filter(|it| asked.insert(it.clone())).map(OsString::from).collect();
    }
    Ok(staged)
}

/// What staged distributions need and neither pip nor an earlier installation has brought.
fn missing(staged: &[Distribution], installed: &[Distribution]) -> Vec<String> {
    let there = |it: &Requirement| {
        let named = key(it.name.as_ref());
        staged.iter().any(|found| found.key() == named)
            || installed.iter().any(|found| found.key() == named && found.meets(it))
    };
    let needs = staged.iter().flat_map(|it| &it.needs).filter(|it| applies(it) && !there(it));
    let without_marker = |it: &Requirement| it.to_string().split(" ;").next().unwrap_or_default().trim().to_owned();
    needs.map(without_marker).collect()
}

/// Whether `old` stays although pip has brought `new`.
fn keep(
    old: &Distribution,
    new: &Distribution,
    request: &Request,
    wanted: &[Requirement],
    staged: &[Distribution],
) -> bool {
    if old.version == new.version {
        return true;
    }
    let about = |it: &&Requirement| key(it.name.as_ref()) == old.key();
    let asked: Vec<_> = wanted.iter().filter(about).collect();
    // Asked for by path or address: that one is meant.
    let directly = asked.is_empty() && new.is_requested();
    // As with pip, only what is named is brought up to date for its own sake.
    if directly || (request.upgrade && !asked.is_empty()) {
        return false;
    }
    let needed = staged.iter().flat_map(|it| &it.needs).filter(|it| applies(it)).filter(about);
    asked.into_iter().chain(needed).all(|it| old.meets(it))
}

/// Moves distributions into the site folder, in the place of those of the same name.
fn move_in(new: &[&Distribution], installed: &[Distribution], site: &Site) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let mut transaction = Transaction::beside(&site.folder)?;
    for distribution in new {
        let files = prepare(distribution, site)?;
        for old in installed.iter().filter(|old| old.key() == distribution.key()) {
            remove(old, site, &mut transaction)?;
        }
        for (from, to) in files {
            transaction.put(&from, &to)?;
        }
    }
    transaction.commit();
    let names: Vec<_> = new.iter().map(|it| format!("{} {}", it.name, it.version)).collect();
    println!("Installed {} into {}", names.join(", "), site.folder.display());
    Ok(())
}

/// The moves for a distribution, its RECORD rewritten for where they lead.
fn prepare(distribution: &Distribution, site: &Site) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut moves = Vec::new();
    let mut record = Vec::new();
    for mut entry in distribution.record()? {
        let (from, to) = way(&entry.path, distribution, site).ok_or_else(|| distribution.hostile(&entry.path))?;
        if !from.is_file() {
            continue;
        }
        if to.starts_with(site.scripts()) && point_at(&from, &site.python)? {
            (entry.hash, entry.size) = (String::new(), String::new());
        }
        entry.path = relative(&site.folder, &to);
        moves.push((from, to));
        record.push(entry);
    }
    distribution.write_record(&record)?;
    Ok(moves)
}

/// Where a file of a staged distribution is and where it goes, unless it leads outside.
fn way(entry: &str, distribution: &Distribution, site: &Site) -> Option<(PathBuf, PathBuf)> {
    // pip has installed below lib/python of a folder and then moved all up: what was beside that is within now.
    let beside = entry.strip_prefix("../../");
    let from = resolve(&distribution.root, beside.unwrap_or(entry))?;
    let below = from.strip_prefix(&distribution.root).ok().filter(|below| !below.as_os_str().is_empty())?;
    let to = if beside.is_some() { &site.prefix } else { &site.folder }.join(below);
    Some((from.clone(), owned(&relative(&site.folder, &to), site)?))
}

/// Makes a script run with `python`; false if it is no script for Python.
fn point_at(script: &Path, python: &Path) -> Result<bool> {
    let text = fs::read(script).map_err(Error::io("read", script))?;
    let Some(text) = scripts::for_python(&text, python) else { return Ok(false) };
    fs::write(script, text).map_err(Error::io("write", script))?;
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).map_err(Error::io("write", script))?;
    Ok(true)
}
