//! The shape of the code: who may import whom, and how long a file and a function may get.

mod crates;
mod files;
mod imports;
mod lengths;

use imports::{Sources, Table, room_of};

/// The rooms of the mapper and what each may use. The crate's root is above them all, and nobody's to use.
const ROOMS: &Table = &[
    ("abi", &[]),
    ("heap", &["abi"]),
    ("gaps", &["abi"]),
    ("lifetime", &["abi", "heap", "gaps"]),
    ("twins", &["abi", "heap", "gaps", "lifetime"]),
    ("calls", &["abi", "heap", "lifetime", "twins"]),
    ("capi", &["abi", "heap", "gaps", "lifetime", "twins", "calls"]),
    ("slots", &["abi", "heap", "lifetime", "twins", "calls", "capi", "gaps"]),
    ("loader", &["abi", "heap", "lifetime", "twins", "calls", "capi", "slots", "gaps"]),
];

/// The crates and which of them each may depend on.
const CRATES: &Table = &[
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
    ("tools/bench/router", &["router"]),
    ("tools/wheels", &[]),
    ("tools/xtask", &[]),
    ("tests", &["tools/inspect", "tools/bench/router", "tools/wheels"]),
];

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn rooms_use_only_those_above_them_in_the_table() {
    assert_none(&imports::out_of_order(ROOMS));
    assert_none(&Sources::read("mapper/src").against(ROOMS));
}

#[test]
fn no_circle_goes_through_two_rooms() {
    assert_none(&Sources::read("mapper/src").circles(|from, to| room_of(from) != room_of(to)));
}

#[test]
fn no_two_files_need_each_other() {
    // Rooms are the mapper's own measure: what is in one of them may belong together.
    let crates = CRATES.iter().filter(|(folder, _)| *folder != "mapper");
    let circles = crates.flat_map(|(folder, _)| Sources::read(&format!("{folder}/src")).circles(|_, _| true));
    assert_none(&circles.collect::<Vec<_>>());
}

#[test]
fn crates_use_only_those_above_them_in_the_table() {
    assert_none(&imports::out_of_order(CRATES));
    assert_none(&crates::against(CRATES));
}

#[test]
fn files_are_short() {
    assert_none(&lengths::long_files(&files::all()));
}

#[test]
fn functions_are_short() {
    assert_none(&lengths::long_functions(&files::all()));
}
