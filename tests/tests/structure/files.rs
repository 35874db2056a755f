//! The project's own sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use rustclad_tests::root;

/// The sources in a folder of the project and in the folders in it, by their paths below it.
pub(crate) fn below(folder: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    read(&root().join(folder), "", &mut files);
    assert!(!files.is_empty(), "no sources in {folder}");
    files
}

/// All of the project's sources, by their paths.
pub(crate) fn all() -> BTreeMap<String, String> {
    let folders = ["stub", "mapper", "dispatcher", "router", "tools", "tests", "fuzz"];
    let files = folders
        .into_iter()
        .flat_map(|folder| below(folder).into_iter().map(move |(file, text)| (format!("{folder}/{file}"), text)));
    files.collect()
}

fn read(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("readable").path();
        let name = format!("{prefix}{}", path.file_name().expect("an entry has a name").to_string_lossy());
        if path.is_dir() {
            // What was built is not the project's.
            if !path.ends_with("target") {
                read(&path, &format!("{name}/"), files);
            }
        } else if name.ends_with(".rs") {
            files.insert(name, fs::read_to_string(&path).expect("sources are UTF-8"));
        }
    }
}

/// A text as tokens, which have no comments.
pub(crate) fn tokens(file: &str, text: &str) -> TokenStream {
    text.parse().unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Whether a token is the given sign.
pub(crate) fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}
