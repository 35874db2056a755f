//! Reads the imports of a crate, and finds those that go against a table and those that go round in a circle.
//!
//! They are read from the code's tokens, so comments and strings do not count, and macro bodies do. What is looked at are
//! paths that begin with `crate`, `super`, `self`, a child module or a module that the file imports; names that a glob
//! import brings are not followed, the glob import itself is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use crate::files::{self, is_punct};

/// What each row may use.
pub(crate) type Table<'a> = [(&'a str, &'a [&'a str])];

/// The sources of one crate, by their paths below its folder.
pub(crate) struct Sources {
    folder: String,
    files: BTreeMap<String, String>,
}

/// A path in the code that leads to another file of the crate.
struct Import {
    from: String,
    line: usize,
    path: String,
    to: String,
}

/// The modules of a crate, and the file of each.
struct Modules<'a>(BTreeMap<Vec<String>, &'a String>);

impl Sources {
    pub(crate) fn read(folder: &str) -> Self {
        let mut files = files::below(folder);
        // A program beside a library is a crate of its own, which uses the library by its name.
        if files.contains_key("lib.rs") {
            files.remove("main.rs");
        }
        Self { folder: folder.to_owned(), files }
    }

    /// Every path that leads from one file to another, in the order of the files.
    fn imports(&self) -> Vec<Import> {
        let modules = Modules(self.files.keys().map(|file| (module_of(file), file)).collect());
        let mut imports = Vec::new();
        for (file, text) in &self.files {
            let mut paths = Vec::new();
            find_paths(files::tokens(file, text), &module_of(file), &mut paths);
            let names = modules.imported(&paths);
            for path in &paths {
                let Some(module) = modules.named(path, &names) else { continue };
                let to = modules.file(&module);
                if to != file {
                    let line = path.segments[path.segments.len() - 1].span().start().line;
                    imports.push(Import { from: file.clone(), line, path: path.text(), to: to.to_owned() });
                }
            }
        }
        imports
    }

    fn show(&self, import: &Import) -> String {
        format!("{}/{}:{}: {}", self.folder, import.from, import.line, import.path)
    }

    /// What goes against a table of rooms. The crate's root is above all rooms.
    pub(crate) fn against(&self, rooms: &Table) -> Vec<String> {
        let mut faults = Vec::new();
        for file in self.files.keys().filter(|file| !is_root(file)) {
            if !rooms.iter().any(|(room, _)| *room == room_of(file)) {
                faults.push(format!("{}/{file}: {} is not in the table of rooms", self.folder, room_of(file)));
            }
        }
        for import in self.imports().iter().filter(|import| !is_root(&import.from)) {
            let (from, to) = (room_of(&import.from), room_of(&import.to));
            if is_root(&import.to) {
                faults.push(format!("{}: nobody may use the crate's root", self.show(import)));
            } else if from != to
                && let Some((_, allowed)) = rooms.iter().find(|(room, _)| *room == from)
                && !allowed.contains(&to)
            {
                faults.push(format!("{}: {from} may use {}", self.show(import), listed(allowed)));
            }
        }
        faults
    }

    /// The circles of files, each as the imports that make it. Only those count that lead through two files that are `apart`.
    pub(crate) fn circles(&self, apart: impl Fn(&str, &str) -> bool) -> Vec<String> {
        let imports = self.imports();
        let mut ways: BTreeMap<&str, Vec<&Import>> = BTreeMap::new();
        for import in &imports {
            ways.entry(&import.from).or_default().push(import);
        }
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for import in imports.iter().filter(|import| apart(&import.from, &import.to)) {
            let Some(back) = shortest(&ways, &import.to, &import.from) else { continue };
            let circle: Vec<&Import> = std::iter::once(import).chain(back).collect();
            if seen.insert(circle.iter().map(|import| &import.from).collect::<BTreeSet<_>>()) {
                let steps: Vec<String> = circle.iter().map(|import| self.show(import)).collect();
                circles.push(format!("a circle of files:\n    {}", steps.join("\n    ")));
            }
        }
        circles
    }
}

impl Modules<'_> {
    /// The modules that a file imports, by the names it has for them.
    fn imported(&self, paths: &[Found]) -> BTreeMap<String, Vec<String>> {
        let mut names = BTreeMap::new();
        for path in paths {
            if let Some(module) = self.named(path, &names).filter(|module| self.0.contains_key(module))
                && let Some(name) = path.alias.as_ref().or(module.last())
            {
                names.insert(name.clone(), module);
            }
        }
        names
    }

    /// What a path names, as the segments behind `crate`; None if it leads out of the crate.
    fn named(&self, path: &Found, names: &BTreeMap<String, Vec<String>>) -> Option<Vec<String>> {
        let segments: Vec<String> =
            path.segments.iter().map(|name| name.to_string().trim_start_matches("r#").to_owned()).collect();
        let first = &segments[0];
        let child = [path.here.as_slice(), std::slice::from_ref(first)].concat();
        let mut named = match (first.as_str(), names.get(first)) {
            ("crate", _) => Vec::new(),
            ("self", _) => path.here.clone(),
            ("super", _) => path.here.split_last()?.1.to_vec(),
            _ if self.0.contains_key(&child) => child,
            (_, imported) => imported?.clone(),
        };
        for segment in &segments[1..] {
            match segment.as_str() {
                "super" => drop(named.pop()),
                "self" => {}
                _ => named.push(segment.clone()),
            }
        }
        Some(named)
    }

    /// The file in which something is: that of the longest part in front that is a module.
    fn file(&self, named: &[String]) -> &str {
        let mut parts = (0..=named.len()).rev().map(|length| &named[..length]);
        parts.find_map(|part| self.0.get(part)).expect("a crate has a root")
    }
}

/// Whether a file is its crate's root.
fn is_root(file: &str) -> bool {
    matches!(file, "lib.rs" | "main.rs")
}

/// The room that a file is in: the first part of its path.
pub(crate) fn room_of(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// The module that a file holds, as the segments behind `crate`.
fn module_of(file: &str) -> Vec<String> {
    let mut module: Vec<String> = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if is_root(file) || module.last().is_some_and(|name| name == "mod") {
        module.pop();
    }
    module
}

/// A path as written, and the module it is written in.
#[derive(Clone)]
struct Found {
    here: Vec<String>,
    segments: Vec<Ident>,
    /// The name behind `as`.
    alias: Option<String>,
}

impl Found {
    fn text(&self) -> String {
        self.segments.iter().map(Ident::to_string).collect::<Vec<_>>().join("::")
    }
}

/// Finds every path of two or more segments; each name in the braces of a `use` is one.
fn find_paths(tokens: TokenStream, here: &[String], found: &mut Vec<Found>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match (token, tokens.get(at + 1), tokens.get(at + 2)) {
            (TokenTree::Ident(word), Some(TokenTree::Ident(name)), Some(TokenTree::Group(body)))
                if word == "mod" && body.delimiter() == Delimiter::Brace =>
            {
                let inner = [here, &[name.to_string()]].concat();
                find_paths(body.stream(), &inner, found);
                at += 3;
            }
            // `pub(in path)` says who may use, not who is used.
            (TokenTree::Ident(word), ..) if word == "in" && at == 0 => return,
            (TokenTree::Ident(_), ..) if is_separator(&tokens, at + 1) => {
                at = read_path(&tokens, at, Found { here: here.to_vec(), segments: Vec::new(), alias: None }, found);
            }
            (TokenTree::Group(group), ..) => {
                find_paths(group.stream(), here, found);
                at += 1;
            }
            // What comes behind `::` and was not read with a path begins none: `<T>::Item::new`, `::std::mem`.
            _ if is_separator(&tokens, at) => {
                at += 2;
                while matches!(tokens.get(at), Some(TokenTree::Ident(_))) && is_separator(&tokens, at + 1) {
                    at += 3;
                }
            }
            _ => at += 1,
        }
    }
}

/// Reads the path at `tokens[at]`, which goes on from `path`, and gives what comes after it.
fn read_path(tokens: &[TokenTree], mut at: usize, mut path: Found, found: &mut Vec<Found>) -> usize {
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(name)) => path.segments.push(name.clone()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for leaf in inner.split(|token| is_punct(Some(token), ',')).filter(|leaf| !leaf.is_empty()) {
                    read_path(leaf, 0, path.clone(), found);
                }
                return at + 1;
            }
            _ => break,
        }
        at += 1;
        if !is_separator(tokens, at) {
            break;
        }
        at += 2;
    }
    if let [TokenTree::Ident(word), TokenTree::Ident(alias), ..] = &tokens[at.min(tokens.len())..]
        && word == "as"
    {
        path.alias = Some(alias.to_string());
    }
    found.push(path);
    at
}

/// Whether `::` is at `at`.
fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}

/// A shortest way of imports from one file to another.
fn shortest<'a>(ways: &BTreeMap<&str, Vec<&'a Import>>, from: &str, to: &str) -> Option<Vec<&'a Import>> {
    let mut reached = BTreeSet::from([from]);
    let mut open = VecDeque::from([(from, Vec::new())]);
    while let Some((at, steps)) = open.pop_front() {
        if at == to {
            return Some(steps);
        }
        for import in ways.get(at).into_iter().flatten() {
            if reached.insert(&import.to) {
                open.push_back((&import.to, [steps.as_slice(), &[*import]].concat()));
            }
        }
    }
    None
}

/// What a table allows that would make a circle: each row may use rows above it only.
pub(crate) fn out_of_order(table: &Table) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, (name, allowed)) in table.iter().enumerate() {
        for other in allowed.iter().filter(|other| !table[..at].iter().any(|(above, _)| above == *other)) {
            faults.push(format!("the table lets {name} use {other}, which does not stand above it"));
        }
    }
    faults
}

/// What a row may use, for messages.
pub(crate) fn listed(allowed: &[&str]) -> String {
    if allowed.is_empty() { "none of the others".to_owned() } else { allowed.join(", ") }
}

/// The checks, on sources with a fault planted in them.
mod planted {
    use super::*;

    const TWO_ROOMS: &Table = &[("low", &[]), ("high", &["low"])];

    fn planted(files: &[(&str, &str)]) -> Sources {
        let all = [&[("lib.rs", "")], files].concat();
        let files = all.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
        Sources { folder: "planted".to_owned(), files }
    }

    /// What the table of two rooms has against a file `low/file.rs` beside others.
    fn in_low(text: &str) -> Vec<String> {
        let files = [
            ("lib.rs", "mod low; mod high; pub use low::file::f; pub struct Top;"),
            ("low/mod.rs", "pub mod file;"),
            ("low/file.rs", text),
            ("high/mod.rs", "pub mod hall; pub mod roof;"),
            ("high/hall.rs", "use crate::low::file;"),
            ("high/roof.rs", "use super::hall;"),
        ];
        planted(&files).against(TWO_ROOMS)
    }

    #[test]
    fn what_the_table_allows_is_no_fault() {
        assert!(in_low("use std::fmt; use self::inner::Thing; mod inner { use super::f; } fn f() {}").is_empty());
    }

    #[test]
    fn a_use_upwards_is_found() {
        let faults = in_low("use std::fmt;\nuse crate::high::hall::Thing;\n");
        assert_eq!(faults, ["planted/low/file.rs:2: crate::high::hall::Thing: low may use none of the others"]);
    }

    #[test]
    fn so_is_one_in_nested_braces() {
        let faults = in_low("use crate::{\n  low::file,\n  high::{roof::{self, X},\n  hall},\n};");
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[2].starts_with("planted/low/file.rs:4: crate::high::hall:"), "{faults:?}");
    }

    #[test]
    fn so_is_one_that_is_handed_on() {
        assert_eq!(in_low("pub(crate) use crate::high::hall as other;").len(), 1);
        assert_eq!(in_low("pub(in crate::low) use crate::high::*;").len(), 1);
    }

    #[test]
    fn so_is_a_path_in_code() {
        assert_eq!(in_low("fn f() -> usize { g(1, &[crate::high::hall::LENGTH]) }").len(), 1);
        assert_eq!(in_low("fn f(x: Option<crate::high::roof::Tile<u8>>) {}").len(), 1);
    }

    #[test]
    fn so_is_one_through_an_imported_module() {
        let faults = in_low("use crate::high as top;\nfn f() { top::hall::f() }");
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[1].starts_with("planted/low/file.rs:2: top::hall::f:"), "{faults:?}");
    }

    #[test]
    fn so_is_a_path_through_super() {
        assert_eq!(in_low("use super::super::high::hall;").len(), 1);
        assert_eq!(in_low("mod tests { fn f() { super::super::super::high::hall::f() } }").len(), 1);
    }

    #[test]
    fn so_is_a_path_in_a_macro() {
        assert_eq!(in_low("macro_rules! m { ($x:expr) => { $crate::high::hall::f($x) }; }").len(), 1);
        assert_eq!(in_low("fn f() { println!(\"{}\", crate::high::hall::f()) }").len(), 1);
    }

    #[test]
    fn the_root_is_for_nobody() {
        let faults = in_low("fn f(_: crate::Top) {}");
        assert_eq!(faults, ["planted/low/file.rs:1: crate::Top: nobody may use the crate's root"]);
    }

    #[test]
    fn a_room_without_a_row_is_found() {
        let faults = planted(&[("lib.rs", ""), ("cellar.rs", "")]).against(TWO_ROOMS);
        assert_eq!(faults, ["planted/cellar.rs: cellar is not in the table of rooms"]);
    }

    #[test]
    fn comments_and_texts_do_not_count() {
        let text = "//! [x](crate::high::hall)\n/* use crate::high::hall; /* crate::high */ */\n\
            /// See [`crate::high::roof`].\nfn f() -> &'static str { r#\"use crate::high::hall; \"\"# }\n\
            const C: char = '\"'; // crate::high::hall";
        assert!(in_low(text).is_empty());
    }

    #[test]
    fn a_table_with_a_circle_is_found() {
        assert!(out_of_order(TWO_ROOMS).is_empty());
        assert_eq!(out_of_order(&[("low", &["high"]), ("high", &["low"])]).len(), 1);
    }

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        planted(files).circles(|_, _| true)
    }

    #[test]
    fn a_circle_is_found_once() {
        let files = [("a.rs", "use crate::b;"), ("b.rs", "fn f() { super::c::g() }"), ("c.rs", "use crate::{a, d};")];
        let found = circles(&files);
        let expected = "a circle of files:\n    planted/a.rs:1: crate::b\n    planted/b.rs:1: super::c::g\n    \
            planted/c.rs:1: crate::a";
        assert_eq!(found, [expected]);
        assert!(planted(&files).circles(|from, to| room_of(from) == room_of(to)).is_empty());
    }

    #[test]
    fn a_circle_of_parent_and_child_is_found() {
        let child = ("a/b.rs", "use super::A;");
        assert!(circles(&[("a/mod.rs", "mod b; pub struct A;"), child]).is_empty());
        assert_eq!(circles(&[("a/mod.rs", "mod b; pub use b::B; pub struct A;"), child]).len(), 1);
    }
}
