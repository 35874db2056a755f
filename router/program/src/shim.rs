//! STAND-IN for the reader of configurations, until `rustclad_router::config::read` is there: then this file goes, and the
//! two lines in `lib.rs` that name it name `rustclad_router::config` instead. It knows sections, options and plain mappings
//! without globs, and reads no other files.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustclad_router::config::{Assignment, BackendSection, ChannelSpec, Config, Instance, Mapping, Place, pointed};

/// Why a configuration is not read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: {error}")]
    File {
        /// Its name.
        file: String,
        /// Why.
        error: std::io::Error,
    },
    /// A line is wrong.
    #[error("{place}: {message}\n{}", pointed(place))]
    Line {
        /// Which.
        place: Box<Place>,
        /// What is wrong.
        message: String,
    },
    /// An override is wrong.
    #[error("{0:?} is not of the form NAME.OPTION=VALUE")]
    Override(String),
}

/// Options from the command line: name of backend or instance, option, value.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    backends: Vec<(String, String, String)>,
    instances: Vec<(String, String, String)>,
}

impl Overrides {
    /// Adds `BACKEND.OPTION=VALUE`.
    ///
    /// # Errors
    /// If it has another form.
    pub fn parse_backend(&mut self, text: &str) -> Result<(), ConfigError> {
        self.backends.push(parts(text)?);
        Ok(())
    }

    /// Adds `INSTANCE.OPTION=VALUE`.
    ///
    /// # Errors
    /// If it has another form.
    pub fn parse_instance(&mut self, text: &str) -> Result<(), ConfigError> {
        self.instances.push(parts(text)?);
        Ok(())
    }
}

fn parts(text: &str) -> Result<(String, String, String), ConfigError> {
    let parts = text.split_once('=').and_then(|(left, value)| Some((left.split_once('.')?, value)));
    let ((name, option), value) = parts.ok_or_else(|| ConfigError::Override(text.into()))?;
    Ok((name.into(), option.into(), value.into()))
}

/// Reads a configuration.
pub(crate) fn read(path: &Path, overrides: &Overrides) -> Result<Config, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::File { file: path.display().to_string(), error })?;
    let file: Arc<Path> = Arc::from(path);
    let mut config = Config::default();
    let mut names = HashMap::new();
    let mut section = String::new();
    for (index, line) in text.lines().enumerate() {
        let place = Place { file: file.clone(), line: index as u32 + 1, column: 1, text: Arc::from(line) };
        let fail = |message: &str| ConfigError::Line { place: Box::new(place.clone()), message: message.into() };
        let line = line.trim();
        let chosen = |all: &[(String, String, String)], name: &str| -> Vec<Assignment> {
            let chosen = all.iter().filter(|it| it.0 == name);
            chosen.map(|it| Assignment { option: it.1.clone(), value: it.2.clone(), place: place.clone() }).collect()
        };
        if line.is_empty() || line.starts_with(';') {
        } else if let Some(header) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            section = header.into();
            match header.split_once(' ') {
                Some(("backend", name)) => config.backends.push(BackendSection {
                    backend: name.into(),
                    options: chosen(&overrides.backends, name),
                    place,
                }),
                Some((backend, name)) => {
                    names.insert(name.to_owned(), config.instances.len());
                    let options = chosen(&overrides.instances, name);
                    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
                    let (backend, name) = (backend.into(), name.into());
                    config.instances.push(Instance { backend, name, folder, options, place });
                }
                None if header == "map" => {}
                None => return Err(fail("a section has two words")),
            }
        } else if section == "map" {
            let arrow = ["<>", ">", "<"].into_iter().find(|arrow| line.contains(arrow));
            let arrow = arrow.ok_or_else(|| fail("a mapping needs an arrow"))?;
            let (left, right) = line.split_once(arrow).unwrap_or_default();
            let end = |text: &str| {
                let (name, channel) = text.trim().split_once('.')?;
                Some(ChannelSpec { instance: *names.get(name)?, channel: channel.into() })
            };
            let left = end(left).ok_or_else(|| fail("there is no such instance"))?;
            let right = end(right).ok_or_else(|| fail("there is no such instance"))?;
            let mut add = |source: &ChannelSpec, destination: &ChannelSpec| {
                config.map.push(Mapping {
                    source: source.clone(),
                    source_place: place.clone(),
                    destination: destination.clone(),
                    destination_place: place.clone(),
                });
            };
            if arrow != "<" {
                add(&left, &right);
            }
            if arrow != ">" {
                add(&right, &left);
            }
        } else {
            let (option, value) = line.split_once('=').ok_or_else(|| fail("an option needs a ="))?;
            let option = Assignment { option: option.trim().into(), value: value.trim().into(), place: place.clone() };
            let backend = section.starts_with("backend ");
            let options = match (backend, config.backends.last_mut(), config.instances.last_mut()) {
                (true, Some(backend), _) => &mut backend.options,
                (false, _, Some(instance)) => &mut instance.options,
                _ => return Err(fail("an option needs a section")),
            };
            options.push(option);
        }
    }
    Ok(config)
}
