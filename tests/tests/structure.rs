//! The shape of the code: who may import whom, and how long a file and a function may get.
//!
//! Imports are read from the code's tokens, so comments and strings do not count, and macro bodies do. What is checked
//! are paths that begin with `crate`, `super`, `self` or a child module; names that a glob import brings are not
//! followed, the glob import itself is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use rustclad_tests::root;
use syn::spanned::Spanned;
use syn::{Block, Expr, Stmt};

/// The rooms of the mapper and what each may use. The crate's root is above them all, and nobody's to use.
const ROOMS: &[(&str, &[&str])] = &[
    ("abi", &[]),
    ("heap", &["abi"]),
    ("lifetime", &["abi", "heap"]),
    ("twins", &["abi", "heap", "lifetime"]),
    ("calls", &["abi", "heap", "lifetime", "twins"]),
    ("capi", &["abi", "heap", "lifetime", "twins", "calls"]),
    ("slots", &["abi", "heap", "lifetime", "twins", "calls", "capi"]),
    ("gaps", &["abi"]),
    ("loader", &["abi", "heap", "lifetime", "twins", "calls", "capi", "slots", "gaps"]),
];

/// The crates and which of them each may depend on.
const CRATES: &[(&str, &[&str])] = &[
    ("stub", &[]),
    ("mapper", &["stub"]),
    ("dispatcher", &["mapper"]),
    ("router", &[]),
    ("router/program", &["router"]),
    ("router/python", &["router"]),
    ("tools/inspect", &["stub"]),
    ("tools/install", &[]),
    (
        "tools/rustclad",
        &["mapper", "dispatcher", "router", "router/program", "router/python", "tools/inspect", "tools/install"],
    ),
    ("tools/bench/router", &[]),
    ("tools/wheels", &[]),
    ("tools/xtask", &[]),
    ("tests", &["tools/inspect", "tools/bench/router", "tools/wheels"]),
];

/// Crates in which no two files may need each other, directly or through others.
const WITHOUT_CIRCLES: &[&str] = &[
    "dispatcher/src",
    "router/src",
    "tools/install/src",
    "router/program/src",
    "router/python/src",
    "stub/src",
    "tools/inspect/src",
    "tools/rustclad/src",
    "tools/wheels/src",
    "tools/xtask/src",
    "tools/bench/router/src",
    "tests/src",
];

const MOST_LINES_OF_FILE: usize = 600;
const MOST_LINES_OF_FUNCTION: usize = 60;
/// A table's row is no longer than this.
const MOST_LINES_OF_ROW: usize = 6;

/// The sources of one crate, by their paths below its folder.
struct Sources {
    folder: String,
    files: BTreeMap<String, String>,
}

/// A path in the code that leads to another file of the crate.
#[derive(Debug)]
struct Import {
    from: String,
    line: usize,
    path: String,
    to: String,
}

impl Sources {
    fn read(folder: &str) -> Self {
        let mut files = BTreeMap::new();
        read_folder(&root().join(folder), "", &mut files);
        assert!(!files.is_empty(), "no sources in {folder}");
        Self { folder: folder.to_owned(), files }
    }

    fn planted(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect();
        Self { folder: "planted".to_owned(), files }
    }

    /// Every path that leads from one file to another, in the order of the files.
    fn imports(&self) -> Vec<Import> {
        let modules: BTreeMap<Vec<String>, &String> = self.files.keys().map(|file| (module_of(file), file)).collect();
        let mut imports = Vec::new();
        for (file, text) in &self.files {
            let mut paths = Vec::new();
            find_paths(tokens(file, text), &module_of(file), &mut paths);
            for Found { here, segments } in paths {
                let Some(target) = resolve(&segments, &here, &modules) else { continue };
                if target != file {
                    let path = segments.iter().map(Ident::to_string).collect::<Vec<_>>().join("::");
                    let line = segments[segments.len() - 1].span().start().line;
                    imports.push(Import { from: file.clone(), line, path, to: target.clone() });
                }
            }
        }
        imports
    }

    fn show(&self, import: &Import) -> String {
        format!("{}/{}:{}: {}", self.folder, import.from, import.line, import.path)
    }

    /// What goes against a table of rooms.
    fn against(&self, rooms: &[(&str, &[&str])]) -> Vec<String> {
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
            } else if let Some((_, allowed)) = rooms.iter().find(|(room, _)| *room == from)
                && from != to
                && !allowed.contains(&to)
            {
                let allowed = if allowed.is_empty() { "no other room".to_owned() } else { allowed.join(", ") };
                faults.push(format!("{}: {from} may use {allowed}", self.show(import)));
            }
        }
        faults
    }

    /// The circles of files, each as the imports that close it. Those between files that `apart` takes for one count
    /// as none.
    fn circles(&self, apart: impl Fn(&str, &str) -> bool) -> Vec<String> {
        let imports = self.imports();
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for import in imports.iter().filter(|import| apart(&import.from, &import.to)) {
            let Some(back) = way(&imports, &import.to, &import.from) else { continue };
            let circle: Vec<&Import> = std::iter::once(import).chain(back).collect();
            if seen.insert(circle.iter().map(|import| &import.from).collect::<BTreeSet<_>>()) {
                let steps: Vec<String> = circle.iter().map(|import| self.show(import)).collect();
                circles.push(format!("a circle of files:\n    {}", steps.join("\n    ")));
            }
        }
        circles
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("readable").path();
        let name = format!("{prefix}{}", path.file_name().expect("an entry has a name").to_string_lossy());
        if path.is_dir() {
            // What was built is not the project's.
            if !path.ends_with("target") {
                read_folder(&path, &format!("{name}/"), files);
            }
        } else if name.ends_with(".rs") {
            files.insert(name, fs::read_to_string(&path).expect("sources are UTF-8"));
        }
    }
}

fn tokens(file: &str, text: &str) -> TokenStream {
    text.parse().unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn is_root(file: &str) -> bool {
    matches!(file, "lib.rs" | "main.rs")
}

/// The room that a file is in: the first part of its path.
fn room_of(file: &str) -> &str {
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
struct Found {
    here: Vec<String>,
    segments: Vec<Ident>,
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
                let mut leaves = Vec::new();
                at = read_path(&tokens, at, Vec::new(), &mut leaves);
                found.extend(leaves.into_iter().map(|segments| Found { here: here.to_vec(), segments }));
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

/// Reads the path at `tokens[at]` behind `path` and gives what comes after it.
fn read_path(tokens: &[TokenTree], mut at: usize, mut path: Vec<Ident>, leaves: &mut Vec<Vec<Ident>>) -> usize {
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(name)) => path.push(name.clone()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for leaf in inner.split(|token| is_punct(Some(token), ',')).filter(|leaf| !leaf.is_empty()) {
                    read_path(leaf, 0, path.clone(), leaves);
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
    leaves.push(path);
    at
}

fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// Whether `::` is at `at`.
fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}

/// The file that a path leads to, unless it leads out of the crate or to a name that some `use` brought.
fn resolve<'a>(segments: &[Ident], here: &[String], modules: &BTreeMap<Vec<String>, &'a String>) -> Option<&'a String> {
    let names: Vec<String> = segments.iter().map(|name| name.to_string().trim_start_matches("r#").to_owned()).collect();
    let (mut base, rest) = match names[0].as_str() {
        "crate" => (Vec::new(), &names[1..]),
        "self" => (here.to_vec(), &names[1..]),
        "super" => (here.to_vec(), &names[..]),
        child if modules.contains_key(&[here, &[child.to_owned()]].concat()) => (here.to_vec(), &names[..]),
        _ => return None,
    };
    for name in rest {
        if name == "super" {
            base.pop();
        } else if name != "self" {
            base.push(name.clone());
        }
    }
    // The longest front part that is a file; the rest are items in it.
    (0..=base.len()).rev().find_map(|length| modules.get(&base[..length]).copied())
}

/// A shortest way of imports from one file to another.
fn way<'a>(imports: &'a [Import], from: &'a str, to: &str) -> Option<Vec<&'a Import>> {
    let mut reached = BTreeSet::from([from]);
    let mut ways = VecDeque::from([(from, Vec::new())]);
    while let Some((at, steps)) = ways.pop_front() {
        if at == to {
            return Some(steps);
        }
        for import in imports.iter().filter(|import| import.from == at) {
            if reached.insert(&import.to) {
                ways.push_back((&import.to, [steps.as_slice(), &[import]].concat()));
            }
        }
    }
    None
}

/// A table that names only rows above has no circle.
fn goes_up(table: &[(&str, &[&str])]) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, (name, allowed)) in table.iter().enumerate() {
        for other in allowed.iter().filter(|other| !table[..at].iter().any(|(above, _)| above == *other)) {
            faults.push(format!("the table lets {name} use {other}, which is not above it"));
        }
    }
    faults
}

/// Which crates of the workspace a crate depends on, by the folders that the workspace gives them.
fn dependencies(folder: &str, folders: &toml::Table) -> Vec<String> {
    let manifest = manifest(folder);
    let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
    let sections = sections.iter().filter_map(|section| manifest.get(*section)?.as_table());
    sections.flat_map(toml::Table::keys).filter_map(|name| folders.get(name)?.get("path")).map(text_of).collect()
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    fs::read_to_string(&path).expect("a crate has a manifest").parse().expect("TOML")
}

fn text_of(value: &toml::Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn rooms_use_only_those_below() {
    assert_none(&goes_up(ROOMS));
    let mapper = Sources::read("mapper/src");
    assert_none(&mapper.against(ROOMS));
}

#[test]
fn no_circle_goes_through_two_rooms() {
    assert_none(&Sources::read("mapper/src").circles(|from, to| room_of(from) != room_of(to)));
}

#[test]
fn no_files_need_each_other() {
    let circles: Vec<String> =
        WITHOUT_CIRCLES.iter().flat_map(|folder| Sources::read(folder).circles(|_, _| true)).collect();
    assert_none(&circles);
}

#[test]
fn crates_use_only_those_below() {
    let workspace = manifest("");
    let folders = workspace["workspace"]["dependencies"].as_table().expect("a table");
    let mut faults = goes_up(CRATES);
    for member in workspace["workspace"]["members"].as_array().expect("a list") {
        let member = text_of(member);
        let Some((_, allowed)) = CRATES.iter().find(|(name, _)| *name == member) else {
            faults.push(format!("{member} is not in the table of crates"));
            continue;
        };
        for other in dependencies(&member, folders) {
            if !allowed.contains(&other.as_str()) {
                faults.push(format!("{member}/Cargo.toml: {other}: {member} may use {}", allowed.join(", ")));
            }
        }
    }
    assert_none(&faults);
}

/// The functions in `tokens` that are too long, and how long they are. Those in macros count, too.
fn long_functions(tokens: TokenStream, found: &mut Vec<(Ident, usize)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            long_functions(group.stream(), found);
        }
        if let (TokenTree::Ident(word), Some(TokenTree::Ident(name))) = (token, tokens.get(at + 1))
            && word == "fn"
            && let Some(body) = body_of(&tokens[at..])
        {
            let length = body.span_close().end().line - word.span().start().line + 1;
            if length > MOST_LINES_OF_FUNCTION && !is_table(body) {
                found.push((name.clone(), length));
            }
        }
    }
}

/// The body of the function at the beginning of `tokens`, if it has one.
fn body_of(tokens: &[TokenTree]) -> Option<&Group> {
    let end = tokens.iter().position(|token| is_punct(Some(token), ';')).unwrap_or(tokens.len());
    tokens[..end].iter().find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
        _ => None,
    })
}

/// Whether a function's body is a table and no more: a single expression that is an array, a macro's rows or a `match`, perhaps
/// with a method called on it, each row of which is short.
fn is_table(body: &Group) -> bool {
    let body = TokenTree::from(body.clone()).into();
    match syn::parse2::<Block>(body).map(|body| body.stmts) {
        Ok(statements) => match statements.as_slice() {
            [Stmt::Expr(expression, _)] => has_rows(expression),
            [Stmt::Macro(rows)] => is_short_inside(rows.mac.tokens.clone()),
            _ => false,
        },
        Err(_) => false,
    }
}

fn has_rows(expression: &Expr) -> bool {
    match expression {
        Expr::Array(array) => array.elems.iter().all(is_short),
        Expr::Macro(rows) => is_short_inside(rows.mac.tokens.clone()),
        Expr::Match(table) => table.arms.iter().all(is_short),
        Expr::MethodCall(call) => has_rows(&call.receiver) && call.args.iter().all(is_short),
        Expr::Reference(reference) => has_rows(&reference.expr),
        Expr::Call(call) => matches!(call.args.first(), Some(rows) if call.args.len() == 1 && has_rows(rows)),
        _ => false,
    }
}

fn is_short(row: &impl Spanned) -> bool {
    row.span().end().line - row.span().start().line < MOST_LINES_OF_ROW
}

/// Whether no group in a macro's rows is long.
fn is_short_inside(rows: TokenStream) -> bool {
    rows.into_iter().all(|token| is_short(&token))
}

/// Every file of the project's own crates.
fn all_files() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for folder in ["stub", "mapper", "dispatcher", "router", "tools", "tests", "fuzz"] {
        read_folder(&root().join(folder), &format!("{folder}/"), &mut files);
    }
    files
}

#[test]
fn files_are_short() {
    let lengths = all_files().into_iter().map(|(file, text)| (file, text.lines().count()));
    let long = lengths.filter(|(_, length)| *length > MOST_LINES_OF_FILE);
    let faults: Vec<String> =
        long.map(|(file, length)| format!("{file}: {length} lines, at most {MOST_LINES_OF_FILE}")).collect();
    assert_none(&faults);
}

#[test]
fn functions_are_short() {
    let mut faults = Vec::new();
    for (file, text) in all_files() {
        let mut found = Vec::new();
        long_functions(tokens(&file, &text), &mut found);
        faults.extend(found.into_iter().map(|(name, length)| {
            let line = name.span().start().line;
            format!("{file}:{line}: {name} has {length} lines, at most {MOST_LINES_OF_FUNCTION} but for tables")
        }));
    }
    assert_none(&faults);
}

/// The checks themselves, on sources with a fault planted in them.
mod planted {
    use super::*;

    const TWO_ROOMS: &[(&str, &[&str])] = &[("low", &[]), ("high", &["low"])];

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
        Sources::planted(&files).against(TWO_ROOMS)
    }

    #[test]
    fn what_the_table_allows_is_no_fault() {
        assert!(in_low("use std::fmt; use self::inner::Thing; mod inner { use super::f; } fn f() {}").is_empty());
    }

    #[test]
    fn a_use_upwards_is_found() {
        let faults = in_low("use std::fmt;\nuse crate::high::hall::Thing;\n");
        assert_eq!(faults, ["planted/low/file.rs:2: crate::high::hall::Thing: low may use no other room"]);
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
        let faults = Sources::planted(&[("lib.rs", ""), ("cellar.rs", "")]).against(TWO_ROOMS);
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
        assert!(goes_up(TWO_ROOMS).is_empty());
        assert_eq!(goes_up(&[("low", &["high"]), ("high", &["low"])]).len(), 1);
    }

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        Sources::planted(files).circles(|_, _| true)
    }

    #[test]
    fn a_circle_is_found_once() {
        let files = [("a.rs", "use crate::b;"), ("b.rs", "fn f() { super::c::g() }"), ("c.rs", "use crate::{a, d};")];
        let found = circles(&files);
        let expected = "a circle of files:\n    planted/a.rs:1: crate::b\n    planted/b.rs:1: super::c::g\n    \
            planted/c.rs:1: crate::a";
        assert_eq!(found, [expected]);
        assert!(Sources::planted(&files).circles(|from, to| room_of(from) == room_of(to)).is_empty());
    }

    #[test]
    fn a_circle_of_parent_and_child_is_found() {
        let child = ("a/b.rs", "use super::A;");
        assert!(circles(&[("a/mod.rs", "mod b; pub struct A;"), child]).is_empty());
        assert_eq!(circles(&[("a/mod.rs", "mod b; pub use b::B; pub struct A;"), child]).len(), 1);
    }

    #[test]
    fn long_functions_are_found_and_tables_are_not() {
        let long = |body: &str| {
            let mut found = Vec::new();
            long_functions(tokens("planted", body), &mut found);
            !found.is_empty()
        };
        let lines = |line: &str| line.repeat(MOST_LINES_OF_FUNCTION);
        assert!(!long(&format!("fn f() {{\n{}}}", "g();\n".repeat(MOST_LINES_OF_FUNCTION - 2))));
        assert!(long(&format!("fn f() {{\n{}}}", lines("g();\n"))));
        assert!(long(&format!("m! {{ impl X {{ fn f() {{\n{}}} }} }}", lines("g();\n"))));
        assert!(!long(&format!("fn f() -> T {{ [\n{}] }}", lines("(1, 2),\n"))));
        assert!(!long(&format!("fn f() -> T {{ vec![\n{}].into() }}", lines("(1, 2),\n"))));
        assert!(!long(&format!("fn f(x: u8) -> u8 {{ match x {{\n{} _ => 0 }} }}", lines("1 => 2,\n"))));
        assert!(long(&format!("fn f(x: u8) -> u8 {{ match x {{ 1 => {{\n{}}} _ => 0 }} }}", lines("g();\n"))));
        assert!(long(&format!("fn f() {{ m!({{\n{}}}) }}", lines("g();\n"))));
    }
}
