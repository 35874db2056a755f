//! Installed distributions, as their `.dist-info` folders describe them.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr as _;

use pep508_rs::pep440_rs::Version;
use pep508_rs::{PackageName, Requirement};

use crate::error::{Error, Result};

/// A distribution in a folder.
#[derive(Clone, Debug)]
pub(crate) struct Distribution {
    /// The folder it is installed in.
    pub(crate) root: PathBuf,
    /// Its metadata's folder, a name in `root`.
    pub(crate) info: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// What it needs, as far as it can be understood.
    pub(crate) needs: Vec<Requirement>,
}

/// One line of a RECORD.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) hash: String,
    pub(crate) size: String,
}

impl Distribution {
    /// All in `root`, by name; none if there is no such folder.
    pub(crate) fn all(root: &Path) -> Result<Vec<Self>> {
        let entries = match fs::read_dir(root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(Error::io("read", root))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry.map_err(Error::io("read", root))?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".dist-info") && root.join(&name).join("METADATA").is_file() {
                found.push(Self::read(root, name)?);
            }
        }
        found.sort_by_cached_key(Self::key);
        Ok(found)
    }

    fn read(root: &Path, info: String) -> Result<Self> {
        let path = root.join(&info).join("METADATA");
        let text = fs::read(&path).map_err(Error::io("read", &path))?;
        let text = String::from_utf8_lossy(&text);
        // The headers end at the first empty line; the description follows.
        let fields: Vec<_> =
            text.lines().take_while(|line| !line.is_empty()).filter_map(|it| it.split_once(':')).collect();
        let all = |name: &'static str| {
            fields
                .iter()
                .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim().to_owned())
        };
        let one = |name: &'static str| {
            let reason = format!("it has no {name}");
            all(name).next().ok_or_else(|| Error::Metadata { path: path.clone(), reason })
        };
        let needs = all("Requires-Dist").filter_map(|it| Requirement::from_str(&it).ok()).collect();
        Ok(Self { root: root.to_owned(), name: one("Name")?, version: one("Version")?, needs, info })
    }

    /// The name as it is compared: `Foo.Bar` and `foo_bar` are one.
    pub(crate) fn key(&self) -> String {
        key(&self.name)
    }

    /// Whether its version is one that `requirement` allows.
    pub(crate) fn meets(&self, requirement: &Requirement) -> bool {
        use pep508_rs::VersionOrUrl;
        match &requirement.version_or_url {
            None => true,
            Some(VersionOrUrl::Url(_)) => false,
            Some(VersionOrUrl::VersionSpecifier(wanted)) => {
                Version::from_str(&self.version).is_ok_and(|version| wanted.contains(&version))
            }
        }
    }

    /// Whether it was asked for, rather than needed by others.
    pub(crate) fn is_requested(&self) -> bool {
        self.root.join(&self.info).join("REQUESTED").exists()
    }

    /// The file that lists its files.
    fn record_path(&self) -> PathBuf {
        self.root.join(&self.info).join("RECORD")
    }

    /// Its files.
    pub(crate) fn record(&self) -> Result<Vec<Entry>> {
        let path = self.record_path();
        let fail = |error| unreadable(&path, &error);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(&path).map_err(fail)?;
        let rows = reader.records().map(|row| {
            let row = row.map_err(fail)?;
            let field = |at| row.get(at).unwrap_or_default().to_owned();
            Ok(Entry { path: field(0), hash: field(1), size: field(2) })
        });
        rows.filter(|row| !row.as_ref().is_ok_and(|it: &Entry| it.path.is_empty())).collect()
    }

    /// Replaces the list of its files.
    pub(crate) fn write_record(&self, entries: &[Entry]) -> Result<()> {
        let path = self.record_path();
        let fail = |error| unreadable(&path, &error);
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_path(&path).map_err(fail)?;
        for entry in entries {
            writer.write_record([&entry.path, &entry.hash, &entry.size]).map_err(fail)?;
        }
        writer.flush().map_err(Error::io("write", &path))
    }

    /// The error for an `entry` of its RECORD that leads outside.
    pub(crate) fn hostile(&self, entry: &str) -> Error {
        Error::Hostile { name: self.name.clone(), entry: entry.to_owned() }
    }
}

fn unreadable(record: &Path, error: &csv::Error) -> Error {
    Error::Metadata { path: record.to_owned(), reason: error.to_string() }
}

/// A name as it is compared.
pub(crate) fn key(name: &str) -> String {
    PackageName::from_str(name).map_or_else(|_| name.to_lowercase(), |name| name.to_string())
}

/// `base/path` without `.` and `..`, or nothing if it is absolute or climbs above the root of the file system.
pub(crate) fn resolve(base: &Path, path: &str) -> Option<PathBuf> {
    let mut whole = base.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => whole.push(name),
            Component::CurDir => {}
            Component::ParentDir if whole.pop() => {}
            _ => return None,
        }
    }
    Some(whole)
}

/// The way from the folder `from` to `to`, both absolute.
pub(crate) fn relative(from: &Path, to: &Path) -> String {
    let common = from.components().zip(to.components()).take_while(|(left, right)| left == right).count();
    let mut way: PathBuf = from.components().skip(common).map(|_| "..").collect();
    way.extend(to.components().skip(common));
    way.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_and_made_relative() {
        let base = Path::new("/a/b");
        assert_eq!(resolve(base, "./c/../d"), Some("/a/b/d".into()));
        assert_eq!(resolve(base, "../../bin/x"), Some("/bin/x".into()));
        for hostile in ["/etc/passwd", "../../../x"] {
            assert_eq!(resolve(base, hostile), None, "{hostile}");
        }
        assert_eq!(relative(base, Path::new("/a/b/c/d")), "c/d");
        assert_eq!(relative(base, Path::new("/a/bin/x")), "../bin/x");
    }

    #[test]
    fn names_are_compared_without_their_spelling() {
        assert_eq!(key("Foo.Bar"), key("foo_bar"));
        assert_ne!(key("foo"), key("food"));
    }
}
