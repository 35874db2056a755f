//! Names from outside, made fit to be shown.

/// The text without what a terminal would obey or XML does not allow; each such character is shown as U+FFFD.
pub(crate) fn printable(text: &str) -> String {
    let shown = |it: char| !it.is_control() && !matches!(it, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|it| if shown(it) { it } else { char::REPLACEMENT_CHARACTER }).collect()
}
