//! Wheels: their tags and metadata, and the shared libraries in them. Nothing else of them is unpacked.

use std::io::{Read, Seek, SeekFrom};
use std::rc::Rc;
use std::str::FromStr as _;

use pep440_rs::{Version, VersionSpecifiers};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::binary::Binary;
use crate::error::InspectError;
use crate::host::Host;
use crate::judge::Judge;
use crate::libraries::{Bundle, Finder, Origin, file_name, parent};
use crate::limits::{self, Limits, too_large};
use crate::report::{Details, Reason, ReasonKind, Report, Wheel, few};
use crate::tag;

/// What is read of a wheel.
#[derive(Default)]
struct Contents {
    libraries: Bundle,
    unreadable: Vec<Report>,
    metadata: String,
    wheel: String,
}

impl Contents {
    /// Keeps a library, or why it cannot be read. All libraries of a wheel share one allowance for their names.
    fn add(&mut self, path: String, binary: Result<Binary, InspectError>, names_left: &mut usize) {
        match binary {
            Ok(binary) => {
                *names_left = names_left.saturating_sub(size_of_names(&binary));
                self.libraries.insert(path, Rc::new(binary));
            }
            Err(error) => self.unreadable.push(unreadable(path, &error)),
        }
    }
}

/// The report on a wheel of the given path and file name.
pub(crate) fn report(
    host: &Host,
    limits: Limits,
    path: String,
    name: &str,
    source: impl Read + Seek,
) -> Result<Report, InspectError> {
    let contents = unpack(host, limits, source)?;
    let finder = Finder::new(host, limits);
    let judge = Judge { host, finder: &finder, bundle: &contents.libraries };
    let mut members = contents.unreadable;
    for (path, binary) in &contents.libraries {
        let origin = Origin::Wheel(parent(path).to_owned());
        members.push(judge.report(path.clone(), file_name(path), binary, &origin));
    }
    let requires_python = field(&contents.metadata, "Requires-Python").next().map(str::to_owned);
    let tags = tags(name, &contents.wheel);
    let mut reasons: Vec<Reason> = wrong_tags(host, &tags).into_iter().collect();
    reasons.extend(requires_python.as_deref().and_then(|versions| wrong_python(host, versions)));
    let mut remarks = Vec::new();
    for member in &members {
        let named = |text: &String| format!("{}: {text}", member.path);
        reasons.extend(member.reasons.iter().map(|reason| Reason::new(reason.kind, named(&reason.text))));
        remarks.extend(member.remarks.iter().map(named));
    }
    let wheel = Wheel { tags, requires_python, pure: members.is_empty(), members };
    Ok(Report { path, reasons, remarks, details: Details::Wheel(Box::new(wheel)) })
}

fn unpack(host: &Host, limits: Limits, mut source: impl Read + Seek) -> Result<Contents, InspectError> {
    check_directory(limits, &mut source)?;
    let mut archive = ZipArchive::new(source).map_err(malformed)?;
    if archive.len() > limits.members {
        return Err(too_large("the number of its members", limits.members as u64));
    }
    let mut contents = Contents::default();
    let (mut left, mut names_left) = (limits.wheel, limits.names);
    for index in 0..archive.len() {
        let Some(path) = archive.name_for_index(index).map(str::to_owned) else { continue };
        let in_info = parent(&path).ends_with(".dist-info") && !parent(&path).contains('/');
        let mut read = |limit| member(&mut archive, index, limit, &mut left);
        match file_name(&path) {
            "METADATA" if in_info => contents.metadata = text(&read(limits.metadata)?),
            "WHEEL" if in_info => contents.wheel = text(&read(limits.metadata)?),
            file if tag::is_library_name(file) => {
                let binary = Binary::parse(&read(limits.library)?, &host.machine, names_left);
                contents.add(path, binary, &mut names_left);
            }
            _ => {}
        }
    }
    Ok(contents)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Refuses a wheel whose list of members is too long to be read: the archive's reader keeps all of it.
fn check_directory(limits: Limits, source: &mut (impl Read + Seek)) -> Result<(), InspectError> {
    let size = source.seek(SeekFrom::End(0))?;
    if size > limits.wheel {
        return Err(too_large("the wheel", limits.wheel));
    }
    // The end record has 22 bytes and a comment of at most 65,535 bytes.
    source.seek(SeekFrom::Start(size.saturating_sub(22 + 0xffff)))?;
    let tail = limits::read(&mut *source, limits.wheel, "the wheel")?;
    source.seek(SeekFrom::Start(0))?;
    for start in memchr::memmem::find_iter(&tail, b"PK\x05\x06") {
        let field = tail.get(start + 12..).and_then(|rest| rest.first_chunk::<4>());
        let length = field.map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)));
        // The value for "see the record for large files" is beyond the limit, too.
        if length > limits.directory {
            return Err(too_large("its list of members", limits.directory));
        }
    }
    Ok(())
}

/// Unpacks one member, whatever sizes the archive claims for it.
fn member<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    index: usize,
    limit: u64,
    left: &mut u64,
) -> Result<Vec<u8>, InspectError> {
    let file = archive.by_index(index).map_err(malformed)?;
    let what = format!("its member {}", file.name());
    let limit = limit.min(*left);
    let bytes = limits::read(file, limit, &what).map_err(|error| match error {
        InspectError::Read(text) => InspectError::Wheel(format!("{what}: {text}")),
        other => other,
    })?;
    *left -= bytes.len() as u64;
    Ok(bytes)
}

fn malformed(error: ZipError) -> InspectError {
    InspectError::Wheel(error.to_string())
}

fn size_of_names(binary: &Binary) -> usize {
    let imports = binary.imports.iter().map(|import| &import.name);
    imports.chain(&binary.exports).map(|name| limits::size_of_name(name)).sum()
}

fn unreadable(path: String, error: &InspectError) -> Report {
    let reasons = vec![Reason::new(ReasonKind::Unreadable, error.to_string())];
    Report { path, reasons, remarks: Vec::new(), details: Details::Unreadable }
}

/// The values of a field in METADATA or WHEEL; what follows the first empty line is the description.
fn field<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let head = text.lines().take_while(|line| !line.trim().is_empty());
    head.filter_map(|line| line.split_once(':'))
        .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// More tags than any wheel has.
const MOST_TAGS: usize = 1000;

/// The tags in a wheel's name, each by itself; those in its WHEEL file if the name has none.
fn tags(name: &str, wheel: &str) -> Vec<String> {
    let parts: Vec<&str> = name.strip_suffix(".whl").unwrap_or(name).split('-').collect();
    let [_, _, .., pythons, abis, platforms] = parts[..] else {
        return field(wheel, "Tag").take(MOST_TAGS).map(str::to_owned).collect();
    };
    let mut tags = Vec::new();
    for python in pythons.split('.') {
        for abi in abis.split('.') {
            tags.extend(platforms.split('.').map(|platform| format!("{python}-{abi}-{platform}")));
        }
    }
    tags.truncate(MOST_TAGS);
    tags
}

fn wrong_tags(host: &Host, tags: &[String]) -> Option<Reason> {
    if tags.is_empty() || tags.iter().any(|tag| fits(host, tag)) {
        return None;
    }
    let for_here = |tag: &String| tag.splitn(3, '-').nth(2).is_some_and(|platform| platform_fits(host, platform));
    let (kind, word) = if tags.iter().any(for_here) {
        (ReasonKind::WrongAbi, "wrong ABI")
    } else {
        (ReasonKind::WrongPlatform, "wrong platform")
    };
    Some(Reason::new(kind, format!("{word}: the wheel is for {}", few(tags, ", "))))
}

/// Whether an installer would take a wheel with this tag for this machine.
fn fits(host: &Host, tag: &str) -> bool {
    let mut parts = tag.splitn(3, '-');
    let (Some(python), Some(abi), Some(platform)) = (parts.next(), parts.next(), parts.next()) else { return false };
    python_fits(host, python, abi) && platform_fits(host, platform)
}

fn python_fits(host: &Host, python: &str, abi: &str) -> bool {
    let (major, minor, _) = host.python;
    let own = format!("cp{major}{minor}");
    let version = python.strip_prefix("cp").or_else(|| python.strip_prefix("py"));
    let Some(rest) = version.and_then(|version| version.strip_prefix(&major.to_string())) else { return false };
    let wanted: u32 = if rest.is_empty() { 0 } else { rest.parse().unwrap_or(u32::MAX) };
    match abi {
        "none" => wanted <= minor && (python.starts_with("py") || python == own),
        "abi3" => python.starts_with("cp") && wanted <= minor,
        _ => python == own && abi == own,
    }
}

fn platform_fits(host: &Host, platform: &str) -> bool {
    let Some(rest) = platform.strip_suffix(&format!("_{}", host.machine)) else { return platform == "any" };
    let needed = match rest {
        "linux" => return host.os == "linux",
        "manylinux1" => (2, 5),
        "manylinux2010" => (2, 12),
        "manylinux2014" => (2, 17),
        _ => {
            let numbers = rest.strip_prefix("manylinux_").and_then(|numbers| numbers.split_once('_'));
            let Some((Ok(major), Ok(minor))) = numbers.map(|(major, minor)| (major.parse(), minor.parse())) else {
                return false;
            };
            (major, minor)
        }
    };
    // Of a machine that may not be looked at, glibc's version is not known.
    host.os == "linux" && (!host.is_searchable() || host.glibc().is_some_and(|here| needed <= here))
}

fn wrong_python(host: &Host, versions: &str) -> Option<Reason> {
    let (major, minor, micro) = host.python;
    let here = Version::new([major, minor, micro].map(u64::from));
    // Installers, too, ignore what they cannot read there.
    let wanted = VersionSpecifiers::from_str(versions).ok()?;
    let text = format!("wrong Python: the wheel requires {versions}, this is {here}");
    (!wanted.contains(&here)).then(|| Reason::new(ReasonKind::WrongPython, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_this_python() {
        let mut host = Host::offline((3, 14, 0), |_| true);
        (host.machine, host.os) = ("x86_64".into(), "linux".into());
        for tag in ["py3-none-any", "py2.py3-none-any", "cp314-cp314-manylinux_2_17_x86_64", "cp37-abi3-linux_x86_64"] {
            let all = tags(&format!("x-1.0-{tag}.whl"), "");
            assert!(wrong_tags(&host, &all).is_none(), "{tag}");
        }
        for tag in ["py2-none-any", "cp313-cp313-linux_x86_64", "cp314-cp314t-linux_x86_64", "cp314-cp314-win_amd64"] {
            assert!(!fits(&host, tag), "{tag}");
        }
        assert!(!fits(&host, "cp315-abi3-linux_x86_64") && !fits(&host, "cp314-cp314-musllinux_1_2_x86_64"));
    }
}
