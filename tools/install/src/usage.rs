//! The text of `--help`, which goes with every error of the command line, too.

/// How to call the subcommands.
pub(crate) const USAGE: &str = "\
usage: rustclad install NAME... [-r FILE] [--target DIR] [--upgrade]
       rustclad uninstall NAME... [--target DIR]
       rustclad list [--target DIR] [--json]

They work on the folder of --target, else on the active virtual environment, else on a folder of your own.
install hands these on to pip: --constraint FILE, --extra-index-url URL, --find-links DIR, --index-url URL,
--no-deps, --no-index, --pre, --quiet.
";
