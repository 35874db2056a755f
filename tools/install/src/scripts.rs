//! Scripts for the command line: their first line names a Python, which has to be this one.

use std::path::Path;

/// The script with the first line for `python`, or nothing if it is none for Python.
pub(crate) fn for_python(script: &[u8], python: &Path) -> Option<Vec<u8>> {
    let text = script.strip_prefix(b"#!")?;
    let lines = text.splitn(4, |byte| *byte == b'\n').collect::<Vec<_>>();
    // Where the path is long or has blanks, pip lets the shell start Python; three lines do it.
    let by_shell = lines.len() == 4 && lines[0] == b"/bin/sh" && lines[1].starts_with(b"'''exec'");
    let taken = if by_shell { 3 } else { 1 };
    if !by_shell && !lines[0].windows(6).any(|word| word == b"python") {
        return None;
    }
    let rest = text.splitn(taken + 1, |byte| *byte == b'\n').nth(taken).unwrap_or_default();
    let mut made = first_line(&python.to_string_lossy()).into_bytes();
    made.extend_from_slice(rest);
    Some(made)
}

fn first_line(python: &str) -> String {
    // Linux reads no more than that, and splits at blanks.
    if python.len() < 125 && !python.contains(char::is_whitespace) {
        return format!("#!{python}\n");
    }
    format!("#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointed(script: &str, python: &str) -> Option<String> {
        for_python(script.as_bytes(), Path::new(python)).map(|made| String::from_utf8(made).unwrap())
    }

    #[test]
    fn the_first_line_names_this_python() {
        assert_eq!(pointed("#!/usr/bin/python3\nx = 1\n", "/opt/rustclad").unwrap(), "#!/opt/rustclad\nx = 1\n");
        assert_eq!(pointed("#!python", "/opt/rustclad").unwrap(), "#!/opt/rustclad\n");
        for other in ["#!/bin/sh\necho python\n", "print('no first line')\n", ""] {
            assert_eq!(pointed(other, "/opt/rustclad"), None);
        }
    }

    #[test]
    fn a_path_with_blanks_goes_by_the_shell_and_back() {
        let by_shell = pointed("#!/usr/bin/python3\nx = 1\n", "/my folder/rustclad").unwrap();
        assert_eq!(by_shell, "#!/bin/sh\n'''exec' \"/my folder/rustclad\" \"$0\" \"$@\"\n' '''\nx = 1\n");
        assert_eq!(pointed(&by_shell, "/opt/rustclad").unwrap(), "#!/opt/rustclad\nx = 1\n");
    }
}
