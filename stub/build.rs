//! Makes the list of symbols from `api.tsv` and compiles `library/` with it into the shared library that
//! [`rustclad_stub`](../rustclad_stub/index.html) carries.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The library's soname, which extension modules and embedding programs ask for.
const SONAME: &str = "libpython3.14.so.1.0";

fn main() {
    for input in ["build.rs", "api.tsv", "library/lib.rs", "library/x86_64.rs"] {
        println!("cargo::rerun-if-changed={input}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let table = fs::read_to_string("api.tsv").expect("stub/api.tsv is part of the project");
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    let symbols = out.join("symbols.rs");
    fs::write(&symbols, library_symbols(&rows)).expect("OUT_DIR is writable");
    fs::write(out.join("table.rs"), crate_table(&rows)).expect("OUT_DIR is writable");
    compile(&symbols, &out.join(SONAME));
}

/// What `library/lib.rs` includes: the entries, their names and the data symbols.
fn library_symbols(rows: &[Vec<&str>]) -> String {
    let functions: Vec<_> = rows.iter().filter(|row| row[1] == "func").collect();
    let mut plain = String::from("plain! {\n");
    let mut variadic = String::from("variadic! {\n");
    let mut names = String::new();
    for (index, row) in functions.iter().enumerate() {
        match fixed_arguments(row[4]) {
            Some(fixed) => writeln!(variadic, "{index} {} {fixed}", row[0]),
            None => writeln!(plain, "{index} {}", row[0]),
        }
        .expect("writing to a string");
        writeln!(names, "(b\"{0}\".as_ptr(), {1}),", row[0], row[0].len()).expect("writing to a string");
    }
    let mut data = String::new();
    let mut entries = String::new();
    for row in rows.iter().filter(|row| row[1] != "func") {
        // A label has no size of its own: it marks the bounds of a range that is empty here.
        let size: usize = row[2].parse().unwrap_or(0);
        let name = row[0];
        let pointer = name.starts_with("PyExc_");
        let (word, count) = match size % 8 {
            0 => ("u64", size / 8),
            4 => ("u32", size / 4),
            _ => ("u8", size),
        };
        writeln!(
            data,
            "#[unsafe(no_mangle)]\nstatic {name}: Data<[{word}; {count}]> = Data(UnsafeCell::new([0; {count}]));"
        )
        .expect("writing to a string");
        writeln!(entries, "((b\"{name}\".as_ptr(), {}), {name}.0.get().cast(), {size}, {pointer}),", name.len())
            .expect("writing to a string");
    }
    format!(
        "/// How many functions the library exports.\nconst FUNCTIONS: usize = {count};\n\
         {plain}}}\n{variadic}}}\n{data}\n\
         static FUNCTION_NAMES: Names<FUNCTIONS> = Names([{names}]);\n\
         struct Names<const N: usize>([Name; N]);\n\
         // SAFETY: the pointers are to string literals.\nunsafe impl<const N: usize> Sync for Names<N> {{}}\n\
         impl<const N: usize> Names<N> {{ fn into_iter(&self) -> core::iter::Copied<core::slice::Iter<'_, Name>> {{ self.0.iter().copied() }} }}\n\
         fn data_symbols() -> [(Name, *mut c_void, usize, bool); {data_count}] {{ [{entries}] }}\n",
        count = functions.len(),
        data_count = rows.len() - functions.len(),
    )
}

/// The number of arguments before `...` in a prototype, or None if there is no `...`.
fn fixed_arguments(prototype: &str) -> Option<usize> {
    prototype.contains(", ...").then(|| prototype.matches(',').count())
}

/// What `src/lib.rs` includes: the table as Rust data.
fn crate_table(rows: &[Vec<&str>]) -> String {
    let mut text = String::from("[\n");
    for row in rows {
        let kind = match row[1] {
            "func" => "Kind::Function",
            "data" => "Kind::Data",
            _ => "Kind::Label",
        };
        let size: usize = row[2].parse().unwrap_or(0);
        writeln!(
            text,
            "Symbol {{ name: {:?}, kind: {kind}, size: {size}, header: {:?}, prototype: {:?}, result: {:?}, steals: {:?}, error: {:?}, limited_api_since: {:?} }},",
            row[0], row[3], row[4], row[5], row[6], row[7], row[8]
        )
        .expect("writing to a string");
    }
    text.push(']');
    text
}

/// Compiles the library by itself, as cargo would not: optimised in every profile, without the standard library.
fn compile(symbols: &Path, output: &Path) {
    let rustc = env::var_os("RUSTC").expect("cargo sets RUSTC");
    let target = env::var("TARGET").expect("cargo sets TARGET");
    let mut command = Command::new(rustc);
    command
        .args(["--edition=2024", "--crate-type=cdylib", "--crate-name=python3_14", "-Copt-level=2", "-Cpanic=abort"])
        .args(["-Clink-arg=-nostdlib", "-Cstrip=debuginfo"])
        .arg(format!("-Clink-arg=-Wl,-soname,{SONAME}"))
        .args(["--target", &target])
        .arg("-o")
        .arg(output)
        .arg("library/lib.rs")
        .env("RUSTCLAD_STUB_SYMBOLS", symbols);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        command.arg("-C").arg(format!("linker={}", linker.to_string_lossy()));
    }
    let status = command.status().expect("rustc starts");
    assert!(status.success(), "compiling the stub library failed: {status}");
}
