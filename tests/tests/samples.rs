//! Samples of kinds of faults, small extension modules each: `fixtures/samples/KIND/NAME.c` makes a module `case`, which
//! `NAME.py` uses; CPython printed `NAME.out`. Each prints that here, too, also under `RUSTCLAD_CHECK=1`, which has nothing to
//! say of it. What is known to differ stands in `tests/known/samples/KIND/NAME.diff`, and faults of a sample's own C code that
//! the checking mode finds in `NAME.check`.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustclad_tests::{Rustclad, external, hold_against, root, scratch};

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("the folder can be read").file_name().to_string_lossy().into()).collect();
    names.sort();
    names
}

fn samples() -> PathBuf {
    root().join("fixtures/samples")
}

/// Compiles a sample's module into a folder.
fn compile(source: &Path, folder: &Path) {
    let include = external("cpython/usr/include");
    let module = folder.join("case.cpython-314-x86_64-linux-gnu.so");
    let out = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-g", "-w", "-pthread", "-isystem"])
        .arg(include.join("python3.14"))
        .arg("-isystem")
        .arg(include)
        .args([source, Path::new("-o"), &module, Path::new("-lm")])
        .output()
        .expect("a C compiler is there");
    assert!(out.status.success(), "{}\n{}", source.display(), String::from_utf8_lossy(&out.stderr));
}

/// Runs one sample, plain and checked.
fn sample(kind: &str, name: &str) {
    let files = samples().join(kind).join(name);
    let folder = scratch(&format!("{kind}-{name}"));
    compile(&files.with_extension("c"), &folder);
    let run = |checked: &str| {
        let run = Rustclad::new().python_path([folder.clone()]).env("RUSTCLAD_CHECK", checked);
        run.args([files.with_extension("py")]).run()
    };
    let known = format!("samples/{kind}/{name}");
    let expected = files.with_extension("out");
    hold_against(&known, &expected, &run("0"));
    let checked = run("1");
    hold_against(&known, &expected, &checked);
    let reports: Vec<&str> = checked.stderr.lines().filter(|line| line.starts_with("rustclad check:")).collect();
    let own_faults = root().join("tests/known").join(&known).with_extension("check");
    match std::fs::read_to_string(own_faults) {
        Ok(reason) => assert!(!reports.is_empty(), "{known}: nothing is reported any more\n{reason}"),
        Err(_) => assert!(reports.is_empty(), "{known}: {reports:#?}"),
    }
    let _ = std::fs::remove_dir_all(folder);
}

/// Runs the samples of a kind; tells of all that fail.
fn kind(kind: &str) {
    let files = names(&samples().join(kind));
    let sources = files.iter().filter_map(|name| name.strip_suffix(".c"));
    let run = |name: &&str| std::panic::catch_unwind(|| sample(kind, name)).is_err();
    let failed: Vec<&str> = sources.filter(run).collect();
    assert!(failed.is_empty(), "{kind}: {failed:?}");
}

/// A test for each kind, and the list of the kinds.
macro_rules! kinds {
    ($($test:ident $name:literal;)*) => {
        const KINDS: &[&str] = &[$($name),*];

        $(
            #[test]
            fn $test() {
                kind($name);
            }
        )*
    };
}

kinds! {
    am_send "am-send";
    builtin_traverse "builtin-traverse";
    bytes_written "bytes-written";
    clear_weakrefs_nocallback "clear-weakrefs-nocallback";
    constructor_takes_gil "constructor-takes-gil";
    dealloc_callback "dealloc-callback";
    descr_structs "descr-structs";
    dict_getitem_override "dict-getitem-override";
    dict_in_struct "dict-in-struct";
    finalize_resurrect "finalize-resurrect";
    finalize_super "finalize-super";
    foreign_thread_local "foreign-thread-local";
    frozenset_add "frozenset-add";
    getcontiguous "getcontiguous";
    getitem_double_adjust "getitem-double-adjust";
    getset_wrong_object "getset-wrong-object";
    handled_context "handled-context";
    hash_blocks_richcompare "hash-blocks-richcompare";
    huge_sizes "huge-sizes";
    int_subclass_fields "int-subclass-fields";
    keyword_names "keyword-names";
    list_kept_by_c "list-kept-by-c";
    list_setslice_override "list-setslice-override";
    list_stale_after_callback "list-stale-after-callback";
    lock_in_del "lock-in-del";
    lock_in_gc "lock-in-gc";
    main_loop_growth "main-loop-growth";
    member_overflow "member-overflow";
    metaclass_relative_size "metaclass-relative-size";
    nativebytes "nativebytes";
    object_new_empty_kwargs "object-new-empty-kwargs";
    object_new_heap "object-new-heap";
    object_new_subclass "object-new-subclass";
    pow3 "pow3";
    pow3_subclass "pow3-subclass";
    restore_flaky "restore-flaky";
    slot_direct "slot-direct";
    slots_after_class_change "slots-after-class-change";
    slots_in_struct "slots-in-struct";
    static_type_immutable "static-type-immutable";
    structseq_unnamed "structseq-unnamed";
    subclass_call_override "subclass-call-override";
    suboffsets "suboffsets";
    tp_dict_before_ready "tp-dict-before-ready";
    type_garbage "type-garbage";
    wheel_structs "wheel-structs";
    zero_dim_lend "zero-dim-lend";
}

#[test]
fn every_kind_has_a_test() {
    assert_eq!(KINDS, names(&samples()));
}
