//! A configuration as data. [`read`] makes it from files; nothing here knows what options mean.

mod error;
mod files;
mod glob;
mod grammar;
mod limits;
mod model;
mod overrides;
mod reader;

pub use error::{ConfigError, Problem};
pub use files::{Disk, Files};
pub use model::{Assignment, BackendSection, ChannelSpec, Config, Instance, Mapping, Place, pointed};
pub use overrides::{OverrideError, Overrides};
pub use reader::{read, read_from, read_text};
