//! Times each way of crossing between Python and C, and holds the times against what the design asks for.
//!
//! Machines differ, so a time is judged by its ratio to the call of RustPython's own `len` in the same run, both
//! net of the empty loop. CPython and PyPy run the same two files, if someone has them: `RUSTCLAD_REFERENCE`
//! names a folder to `chroot` into where `python3.14` and `pypy3` are installed with their headers and gcc.

use crate::fetch::SUFFIX;
use crate::shell::{command, external, inside, output, quiet, root};
use crate::{build, fetch};
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the design reckons `len` to cost, net, in ns: the unit of the targets below.
const LEN: f64 = 49.0;

/// The rows of `bench.py` and what each may cost net of the empty loop, in ns on the machine where `len` costs 49.
const TARGETS: [(&str, f64); 26] = [
    ("noargs", 80.0),
    ("o", 115.0),
    ("fast3", 180.0),
    ("varargs_iii", 260.0),
    ("kw", 380.0),
    ("sum_list_1000/item", 15.0),
    ("sum_list_float_1000/item", 15.0),
    ("make_list_1000/item", 90.0),
    ("make_dict_1000/item", 180.0),
    ("dict_get/item", 20.0),
    ("str_len_10", 90.0),
    ("str_len_10k", 130.0),
    ("make_str", 150.0),
    ("buf_open_bytes", 130.0),
    ("buf_open_bytearray", 150.0),
    ("Point_new", 550.0),
    ("Subclass_new", 900.0),
    ("member_get", 90.0),
    ("getset_get", 90.0),
    ("method_noargs", 95.0),
    ("nb_add", 120.0),
    ("iternext/item", 60.0),
    ("callback/call", 220.0),
    ("PyObject_GetAttr/call", 70.0),
    ("bytes_sum_1MB", f64::NAN),
    ("raise_error", f64::NAN),
];

/// Times by row, in ns, or why a row failed.
type Times = HashMap<String, Result<f64, String>>;

/// Builds, times and prints the table.
pub(crate) fn bench() -> Result<()> {
    fetch::fetch()?;
    let source = root().join("tools/bench/bench_ext.c");
    build::extension(&source, &external("bench").join(format!("bench_ext{SUFFIX}")), &["-O2"])?;
    let program = build::rustclad_release()?;
    eprintln!("timing Rustclad ...");
    let rustclad = times(command(program).env("PYTHONPATH", external("bench")).arg("tools/bench/bench.py"))?;
    let mut others = Vec::new();
    if let Some(folder) = std::env::var_os("RUSTCLAD_REFERENCE") {
        for (name, python) in [("CPython", "python3.14"), ("PyPy", "pypy3")] {
            eprintln!("timing {name} ...");
            others.push((name, reference(folder.as_ref(), python)?));
        }
    }
    print(&rustclad, &others);
    Ok(())
}

/// Times the interpreter `python` inside `chroot`, with an extension built there for it.
fn reference(chroot: &Path, python: &str) -> Result<Times> {
    let home = chroot.join("tmp/rustclad-bench").join(python);
    fs::create_dir_all(&home)?;
    for file in ["bench.py", "bench_ext.c"] {
        fs::copy(root().join("tools/bench").join(file), home.join(file))?;
    }
    // The interpreter knows best where its headers are and how its modules are named.
    let ask = "import sysconfig; print(sysconfig.get_path('include'), sysconfig.get_config_var('EXT_SUFFIX'))";
    let run = |words: &[&str]| {
        let mut command = inside(chroot);
        command.args(["env", "-C"]).arg(Path::new("/tmp/rustclad-bench").join(python)).args(words);
        command
    };
    let told = output(&mut run(&[python, "-c", ask]))?;
    let (include, suffix) = told.trim().split_once(' ').context("sysconfig gave no include folder and suffix")?;
    let include = format!("-I{include}");
    let module = format!("bench_ext{suffix}");
    quiet(&mut run(&["gcc", "-shared", "-fPIC", "-O2", "-w", &include, "bench_ext.c", "-o", &module, "-lm"]))?;
    times(&mut run(&[python, "bench.py"]))
}

/// Runs `bench.py` and reads its rows.
fn times(command: &mut Command) -> Result<Times> {
    let printed = output(command)?;
    let row = |line: &str| {
        let (name, value) = line.split_once('\t')?;
        Some((name.to_owned(), value.parse().map_err(|_| value.to_owned())))
    };
    Ok(printed.lines().filter_map(row).collect())
}

/// Prints the table: a row for each of [`TARGETS`], a column for each of the `others` after our own.
fn print(rustclad: &Times, others: &[(&str, Times)]) {
    let time = |name: &str| rustclad.get(name).and_then(|time| time.as_ref().ok()).copied();
    let empty = time("empty_loop").unwrap_or(f64::NAN);
    let len = time("builtin_len").unwrap_or(f64::NAN) - empty;
    println!(
        "empty loop {empty:.1} ns, builtin len {len:.1} ns net, Python call {:.1} ns net",
        time("python_function").unwrap_or(f64::NAN) - empty
    );
    print!("\n| row | ns | net | ratio to `len` | reach | |");
    others.iter().for_each(|(name, _)| print!(" {name} |"));
    print!("\n| --- | ---: | ---: | ---: | ---: | --- |{}", " ---: |".repeat(others.len()));
    for (name, target) in TARGETS {
        // Rows counted by the item have no Python loop around each.
        let loops = if name.contains('/') { 0.0 } else { empty };
        print!("\n| {name} |{}", columns(rustclad.get(name), loops, len, target / LEN));
        for (_, times) in others {
            match times.get(name) {
                Some(Ok(time)) => print!(" {time:.1} |"),
                _ => print!(" - |"),
            }
        }
    }
    println!();
}

/// Our own columns of a row: the time, net of `loops`, its ratio to `len`, and the verdict.
fn columns(time: Option<&Result<f64, String>>, loops: f64, len: f64, target: f64) -> String {
    match time {
        Some(Ok(time)) => {
            let net = time - loops;
            format!(" {time:.1} | {net:.1} | {:.2} |{}", net / len, verdict(net / len, target))
        }
        Some(Err(why)) => format!(" {why} | | | | |"),
        None => " not run | | | | |".into(),
    }
}

/// The last two of them: the ratio to reach, and whether it was.
fn verdict(ratio: f64, target: f64) -> String {
    match target {
        target if target.is_nan() => " | |".into(),
        target if ratio <= target => format!(" {target:.2} | ok |"),
        target => format!(" {target:.2} | **over** |"),
    }
}
