//! Finds files and functions that are too long.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::{Block, Expr, Stmt};

use crate::files::{is_punct, tokens};

const MOST_LINES_OF_FILE: usize = 600;
const MOST_LINES_OF_FUNCTION: usize = 60;
/// A table's row is no longer than this.
const MOST_LINES_OF_ROW: usize = 4;

pub(crate) fn long_files(files: &BTreeMap<String, String>) -> Vec<String> {
    let lengths = files.iter().map(|(file, text)| (file, text.lines().count()));
    let long = lengths.filter(|(_, length)| *length > MOST_LINES_OF_FILE);
    long.map(|(file, length)| format!("{file}: {length} lines, at most {MOST_LINES_OF_FILE}")).collect()
}

pub(crate) fn long_functions(files: &BTreeMap<String, String>) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, text) in files {
        let mut found = Vec::new();
        find_long(tokens(file, text), &mut found);
        faults.extend(found.into_iter().map(|(name, length)| {
            let line = name.span().start().line;
            format!("{file}:{line}: {name} has {length} lines, at most {MOST_LINES_OF_FUNCTION} but for tables")
        }));
    }
    faults
}

/// The functions in `tokens` that are too long, and how long they are. Those in macros count, too.
fn find_long(tokens: TokenStream, found: &mut Vec<(Ident, usize)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            find_long(group.stream(), found);
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

/// Whether a function's body is a table and no more: an array, a macro's rows or a `match`, perhaps with a method called on it, each
/// row of which is short. There may be short `let`s in front, which name what the rows use.
fn is_table(body: &Group) -> bool {
    let Ok(body) = syn::parse2::<Block>(TokenTree::from(body.clone()).into()) else { return false };
    let Some((table, before)) = body.stmts.split_last() else { return false };
    before.iter().all(|it| matches!(it, Stmt::Local(_)) && is_short(it))
        && match table {
            Stmt::Expr(expression, _) => has_rows(expression),
            Stmt::Macro(rows) => is_short_inside(rows.mac.tokens.clone()),
            _ => false,
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

mod planted {
    use super::*;

    #[test]
    fn long_files_are_found() {
        let file = |lines| BTreeMap::from([("planted".to_owned(), "// line\n".repeat(lines))]);
        assert!(long_files(&file(MOST_LINES_OF_FILE)).is_empty());
        assert_eq!(long_files(&file(MOST_LINES_OF_FILE + 1)).len(), 1);
    }

    #[test]
    fn long_functions_are_found_and_tables_are_not() {
        let long = |body: &str| {
            let mut found = Vec::new();
            find_long(tokens("planted", body), &mut found);
            !found.is_empty()
        };
        let lines = |line: &str| line.repeat(MOST_LINES_OF_FUNCTION);
        assert!(!long(&format!("fn f() {{\n{}}}", "g();\n".repeat(MOST_LINES_OF_FUNCTION - 2))));
        assert!(long(&format!("fn f() {{\n{}}}", lines("g();\n"))));
        assert!(long(&format!("m! {{ impl X {{ fn f() {{\n{}}} }} }}", lines("g();\n"))));
        assert!(!long(&format!("fn f() -> T {{ [\n{}] }}", lines("(1, 2),\n"))));
        assert!(!long(&format!("fn f() -> T {{ let x = 1; [\n{}] }}", lines("(1, x),\n"))));
        assert!(!long(&format!("fn f() -> T {{ vec![\n{}].into() }}", lines("(1, 2),\n"))));
        assert!(!long(&format!("fn f(x: u8) -> u8 {{ match x {{\n{} _ => 0 }} }}", lines("1 => 2,\n"))));
        assert!(long(&format!("fn f(x: u8) -> u8 {{ match x {{ 1 => {{\n{}}} _ => 0 }} }}", lines("g();\n"))));
        assert!(long(&format!("fn f() -> T {{ g(); [\n{}] }}", lines("(1, 2),\n"))));
        assert!(long(&format!("fn f() {{ m!({{\n{}}}) }}", lines("g();\n"))));
    }
}
