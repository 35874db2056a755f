//! `rustclad uninstall`: what a distribution's RECORD lists, and nothing else.

use std::path::{Path, PathBuf};

use crate::distribution::{Distribution, key, resolve};
use crate::error::{Error, Result};
use crate::site::Site;
use crate::transaction::Transaction;

/// The folders beside a site folder that wheels may put files into.
const OUTSIDE: [&str; 4] = ["bin", "etc", "include", "share"];

/// Removes distributions, all or none.
pub(crate) fn uninstall(names: &[String], site: &Site) -> Result<()> {
    let all = Distribution::all(&site.folder)?;
    let mut chosen: Vec<&Distribution> = Vec::new();
    for name in names {
        let missing = || Error::NotInstalled { name: name.clone(), folder: site.folder.clone() };
        let found = all.iter().find(|it| it.key() == key(name)).ok_or_else(missing)?;
        if !chosen.iter().any(|it| it.key() == found.key()) {
            chosen.push(found);
        }
    }
    let mut transaction = Transaction::beside(&site.folder)?;
    for distribution in &chosen {
        remove(distribution, site, &mut transaction)?;
    }
    transaction.commit();
    for distribution in chosen {
        println!("Uninstalled {} {} from {}", distribution.name, distribution.version, site.folder.display());
    }
    Ok(())
}

/// Takes a distribution's files away, with what was compiled from them and the folders that are empty then.
pub(crate) fn remove(distribution: &Distribution, site: &Site, transaction: &mut Transaction) -> Result<()> {
    let mut files = Vec::new();
    for entry in distribution.record()? {
        let file = |path: &PathBuf| path.is_symlink() || !path.is_dir();
        let path = owned(&entry.path, site).filter(file).ok_or_else(|| distribution.hostile(&entry.path))?;
        files.push(path);
    }
    // What is left there (INSTALLER, REQUESTED) makes it look installed.
    let info = site.folder.join(&distribution.info);
    files.extend(children(&info));
    for file in &files {
        let compiled = compiled(file);
        for path in compiled.iter().chain([file]) {
            transaction.remove(path)?;
        }
    }
    let mut folders: Vec<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    folders.sort_unstable();
    folders.dedup();
    for folder in folders.into_iter().rev() {
        transaction.prune(&folder.join("__pycache__"), folder);
        transaction.prune(folder, if folder.starts_with(&site.folder) { &site.folder } else { &site.prefix });
    }
    Ok(())
}

/// The file that an entry of a RECORD names, unless it is none that a distribution in `site` may own.
pub(crate) fn owned(entry: &str, site: &Site) -> Option<PathBuf> {
    let path = resolve(&site.folder, entry)?;
    let root = if path.starts_with(&site.folder) {
        site.folder.clone()
    } else {
        // The environment's own Python is a link there; scripts of wheels are files.
        let below = path.strip_prefix(&site.prefix).ok()?;
        let folder = OUTSIDE.into_iter().find(|folder| below.starts_with(folder) && below != Path::new(folder))?;
        if path.is_symlink() {
            return None;
        }
        site.prefix.join(folder)
    };
    (path != root && stays_inside(&path, &root)).then_some(path)
}

/// Whether no link on the way to `path` leads out of `root`.
fn stays_inside(path: &Path, root: &Path) -> bool {
    let there = path.ancestors().skip(1).find(|folder| folder.exists());
    match (there.and_then(|folder| folder.canonicalize().ok()), root.canonicalize()) {
        (Some(real), Ok(root)) => real.starts_with(&root),
        _ => true,
    }
}

/// What Python made of a source file.
fn compiled(file: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(stem)) = (file.parent(), file.file_stem().and_then(|it| it.to_str())) else {
        return Vec::new();
    };
    if file.extension().is_none_or(|extension| extension != "py") {
        return Vec::new();
    }
    let prefix = format!("{stem}.");
    let cache = children(&folder.join("__pycache__"));
    let ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&prefix) && name.ends_with(".pyc")
    };
    cache.into_iter().filter(ours).collect()
}

/// The files in a folder; none if it is a link, which may lead anywhere.
fn children(folder: &Path) -> Vec<PathBuf> {
    if folder.is_symlink() {
        return Vec::new();
    }
    let entries = folder.read_dir().into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    entries.filter(|path| path.is_symlink() || !path.is_dir()).collect()
}
