//! Reads files and what they include, keeps track of sections, and makes a [`Config`] of it all.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::error::{ConfigError, Fault, Problem};
use super::files::{Disk, Files, Line, OpenFile, Text};
use super::glob::Channels;
use super::grammar::{self, Arrow, End, Header, Part};
use super::limits::{MAX_FILES, MAX_MAP, MAX_TEXT};
use super::model::{Assignment, BackendSection, ChannelSpec, Config, Instance, Mapping, Place};
use super::overrides::{Kind, Overrides};

/// Reads a configuration and what it includes.
///
/// # Errors
/// If a file cannot be read, something in it is wrong, or an override is for a section that there is not.
pub fn read(path: &Path, overrides: &Overrides) -> Result<Config, ConfigError> {
    read_from(&Disk, path, overrides)
}

/// Reads a configuration that includes nothing from a text. Places in it name the file `configuration`.
///
/// # Errors
/// As [`read`].
pub fn read_text(text: &str, overrides: &Overrides) -> Result<Config, ConfigError> {
    read_from(&Text(text), Path::new(Text::NAME), overrides)
}

/// Reads a configuration and what it includes from `files`.
///
/// # Errors
/// As [`read`].
pub fn read_from(files: &dyn Files, path: &Path, overrides: &Overrides) -> Result<Config, ConfigError> {
    let mut reader = Reader::new(files, overrides);
    reader.open(path).map_err(|error| ConfigError::Unreadable { file: path.to_owned(), error })?;
    while let Some(file) = reader.open.last_mut() {
        match file.next_line()? {
            Some(line) => reader.take(&line).map_err(|fault| line.error(fault))?,
            None => drop(reader.open.pop()),
        }
    }
    reader.finish()
}

/// What lines belong to. The backend or the instance is the last one of the configuration.
#[derive(Clone, Copy)]
enum Section {
    None,
    Backend,
    Instance,
    Map,
}

/// One side of a mapping.
struct Side<'a> {
    instance: usize,
    channels: Channels<'a>,
    place: Place,
}

struct Reader<'a> {
    files: &'a dyn Files,
    overrides: &'a Overrides,
    /// For each override, if a section has taken it.
    taken: Vec<bool>,
    /// The files that are being read, each included by the one before.
    open: Vec<OpenFile>,
    /// How many files have been read.
    opened: usize,
    /// Bytes that may still be read.
    text_left: usize,
    /// Bytes that the map may still take.
    map_left: usize,
    /// It is not the file's: what an included file ends in goes on behind the include.
    section: Section,
    /// Without the map.
    config: Config,
    /// Indexes of instances by name.
    instances: HashMap<String, usize>,
    map: IndexMap<(ChannelSpec, ChannelSpec), (Place, Place)>,
}

impl<'a> Reader<'a> {
    fn new(files: &'a dyn Files, overrides: &'a Overrides) -> Self {
        Self {
            files,
            overrides,
            taken: vec![false; overrides.0.len()],
            open: Vec::new(),
            opened: 0,
            text_left: MAX_TEXT,
            map_left: MAX_MAP,
            section: Section::None,
            config: Config::default(),
            instances: HashMap::new(),
            map: IndexMap::new(),
        }
    }

    /// Opens a file: its lines come next.
    fn open(&mut self, path: &Path) -> io::Result<()> {
        let file = OpenFile::new(self.files, path, self.text_left)?;
        self.text_left = self.text_left.saturating_sub(file.len());
        self.opened += 1;
        self.open.push(file);
        Ok(())
    }

    /// The folder of the file that is being read; empty for the working directory.
    fn folder(&self) -> &Path {
        self.open.last().and_then(|file| file.path.parent()).unwrap_or(Path::new(""))
    }

    fn take(&mut self, line: &Line) -> Result<(), Fault> {
        let content = line.content();
        match grammar::header(content)? {
            Some(Header::Include { file }) => self.include(file),
            Some(Header::Backend { name }) => {
                self.begin_backend(name, line.place(content.at));
                Ok(())
            }
            Some(Header::Instance { backend, name }) => self.begin_instance(backend, name, line.place(content.at)),
            Some(Header::Map) => {
                self.section = Section::Map;
                Ok(())
            }
            None if matches!(self.section, Section::Map) => self.mapping(line),
            None => self.assignment(line),
        }
        .map_err(|fault| if is_open_header(content, &fault) { content.fault(Problem::OpenHeader) } else { fault })
    }

    fn include(&mut self, file: Part<'_>) -> Result<(), Fault> {
        let path = self.folder().join(file.text);
        let identity = self.files.identity(&path);
        if let Some(first) = self.open.iter().position(|open| open.identity == identity) {
            return Err(file.fault(Problem::IncludeCycle { chain: self.chain(first, &path) }));
        }
        if self.opened >= MAX_FILES {
            return Err(file.fault(Problem::TooManyFiles));
        }
        self.open(&path).map_err(|error| file.fault(Problem::Unreadable { file: path, error }))
    }

    /// In words: the open files from `first` on, and `path`.
    fn chain(&self, first: usize, path: &Path) -> String {
        let open = self.open.iter().skip(first).map(|file| &*file.path);
        let names: Vec<String> = open.chain([path]).map(|path| path.display().to_string()).collect();
        names.join(" includes ")
    }

    fn begin_backend(&mut self, name: Part<'_>, place: Place) {
        let options = self.overriding(Kind::Backend, name.text, &place);
        self.config.backends.push(BackendSection { backend: name.text.to_owned(), options, place });
        self.section = Section::Backend;
    }

    fn begin_instance(&mut self, backend: Part<'_>, name: Part<'_>, place: Place) -> Result<(), Fault> {
        if let Some(first) = self.instances.get(name.text).and_then(|index| self.config.instances.get(*index)) {
            let problem = Problem::DuplicateInstance { name: name.text.to_owned(), first: first.place.clone() };
            return Err(name.fault(problem));
        }
        let options = self.overriding(Kind::Instance, name.text, &place);
        self.instances.insert(name.text.to_owned(), self.config.instances.len());
        self.config.instances.push(Instance {
            backend: backend.text.to_owned(),
            name: name.text.to_owned(),
            folder: self.instance_folder(),
            options,
            place,
        });
        self.section = Section::Instance;
        Ok(())
    }

    fn instance_folder(&self) -> PathBuf {
        let folder = self.folder();
        // An empty path can be joined to, but the system knows no such folder.
        if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() }
    }

    /// The overrides for a section; each goes to the first one of its name.
    fn overriding(&mut self, kind: Kind, target: &str, place: &Place) -> Vec<Assignment> {
        let mut options = Vec::new();
        for (given, taken) in self.overrides.0.iter().zip(&mut self.taken) {
            if given.kind == kind && given.target == target && !*taken {
                *taken = true;
                let (option, value) = (given.option.clone(), given.value.clone());
                options.push(Assignment { option, value, place: place.clone() });
            }
        }
        options
    }

    fn assignment(&mut self, line: &Line) -> Result<(), Fault> {
        let content = line.content();
        let read = grammar::assignment(content);
        if read.is_none() && grammar::has_arrow(content) {
            return Err(content.fault(Problem::MappingOutsideMap));
        }
        let options = self.options().ok_or_else(|| content.fault(Problem::NoSection))?;
        let (option, value) = read.ok_or_else(|| content.fault(Problem::NotAssignment))?;
        options.push(Assignment {
            option: option.text.to_owned(),
            value: value.text.to_owned(),
            place: line.place(option.at),
        });
        Ok(())
    }

    /// The options of the section; None if it has none.
    fn options(&mut self) -> Option<&mut Vec<Assignment>> {
        match self.section {
            Section::Backend => self.config.backends.last_mut().map(|it| &mut it.options),
            Section::Instance => self.config.instances.last_mut().map(|it| &mut it.options),
            Section::None | Section::Map => None,
        }
    }

    fn mapping(&mut self, line: &Line) -> Result<(), Fault> {
        let read = grammar::mapping(line.content())?;
        let left = self.side(line, read.left)?;
        let right = self.side(line, read.right)?;
        let (many, others) = (left.channels.len(), right.channels.len());
        if many != others && many != 1 && others != 1 {
            return Err(line.content().fault(Problem::Unequal { left: many, right: others }));
        }
        if matches!(read.arrow, Arrow::ToRight | Arrow::Both) {
            self.connect(&left, &right).map_err(|problem| line.content().fault(problem))?;
        }
        if matches!(read.arrow, Arrow::ToLeft | Arrow::Both) {
            self.connect(&right, &left).map_err(|problem| line.content().fault(problem))?;
        }
        Ok(())
    }

    fn side<'l>(&self, line: &Line, end: End<'l>) -> Result<Side<'l>, Fault> {
        let name = end.instance.text;
        let no_instance = || end.instance.fault(Problem::NoInstance { name: name.to_owned() });
        let instance = *self.instances.get(name).ok_or_else(no_instance)?;
        Ok(Side { instance, channels: Channels::parse(end.channel)?, place: line.place(end.instance.at) })
    }

    fn connect(&mut self, source: &Side<'_>, destination: &Side<'_>) -> Result<(), Problem> {
        let count = source.channels.len().max(destination.channels.len());
        let each = size_of::<Mapping>() + source.channels.longest() + destination.channels.longest();
        let left = self.map_left.checked_sub(count.saturating_mul(each));
        self.map_left = left.ok_or(Problem::MapTooLarge)?;
        for index in 0..count {
            let pair = (source.channel(index), destination.channel(index));
            self.map.entry(pair).or_insert_with(|| (source.place.clone(), destination.place.clone()));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Config, ConfigError> {
        if let Some((unused, _)) = self.overrides.0.iter().zip(&self.taken).find(|(_, taken)| !**taken) {
            let word = if unused.kind == Kind::Backend { "backend" } else { "BACKEND" };
            let section = format!("{word} {}", unused.target);
            return Err(ConfigError::UnusedOverride { given: unused.to_string(), section });
        }
        self.config.map = self.map.into_iter().map(to_mapping).collect();
        Ok(self.config)
    }
}

impl Side<'_> {
    fn channel(&self, index: usize) -> ChannelSpec {
        ChannelSpec { instance: self.instance, channel: self.channels.name(index) }
    }
}

fn to_mapping(
    ((source, destination), (source_place, destination_place)): ((ChannelSpec, ChannelSpec), (Place, Place)),
) -> Mapping {
    Mapping { source, source_place, destination, destination_place }
}

/// If a line was meant as a header: it begins as one, and was refused as what else it could be.
fn is_open_header(content: Part<'_>, fault: &Fault) -> bool {
    content.text.starts_with('[')
        && matches!(fault.problem, Problem::NoSection | Problem::NotAssignment | Problem::NotMapping)
}
