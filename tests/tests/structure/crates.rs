//! Reads which crates of the workspace depend on which.

use std::fs;

use rustclad_tests::root;
use toml::{Table, Value};

use crate::imports::{self, listed};

/// What goes against a table of crates, which are named by their folders.
pub(crate) fn against(crates: &imports::Table) -> Vec<String> {
    let workspace = manifest("");
    let members = workspace["workspace"]["members"].as_array().expect("a list");
    let folders = workspace["workspace"]["dependencies"].as_table().expect("a table");
    let members = members.iter().map(|member| member.as_str().expect("a text"));
    members.flat_map(|member| faults(member, &manifest(member), folders, crates)).collect()
}

fn manifest(folder: &str) -> Table {
    let path = root().join(folder).join("Cargo.toml");
    fs::read_to_string(&path).expect("a crate has a manifest").parse().expect("TOML")
}

/// What goes against the table in one crate. `folders` has the crates of the workspace with their paths.
fn faults(member: &str, manifest: &Table, folders: &Table, crates: &imports::Table) -> Vec<String> {
    let Some((_, allowed)) = crates.iter().find(|(name, _)| *name == member) else {
        return vec![format!("{member} is not in the table of crates")];
    };
    let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
    let used = sections.iter().filter_map(|section| manifest.get(*section)?.as_table()).flatten();
    let mut faults = Vec::new();
    for (name, dependency) in used {
        if dependency.get("path").is_some() {
            faults.push(format!("{member}/Cargo.toml: {name}: the workspace has the paths of its crates"));
        }
        if let Some(folder) = folders.get(name).and_then(|it| it.get("path")).and_then(Value::as_str)
            && !allowed.contains(&folder)
        {
            faults.push(format!("{member}/Cargo.toml: {name}: {member} may use {}", listed(allowed)));
        }
    }
    faults
}

#[test]
fn a_dependency_against_the_table_is_found() {
    let table: &imports::Table = &[("low", &[]), ("high", &["low"])];
    let folders = "low-crate = { path = 'low' }\nhigh-crate = { path = 'high' }".parse().expect("TOML");
    let find = |member, manifest: &str| faults(member, &manifest.parse().expect("TOML"), &folders, table);
    assert!(find("high", "[dependencies]\nlow-crate.workspace = true\nother = '1'").is_empty());
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let found = find("low", &format!("[{section}]\nhigh-crate = {{ workspace = true }}"));
        assert_eq!(found, ["low/Cargo.toml: high-crate: low may use none of the others"]);
    }
    assert_eq!(find("low", "[dependencies]\nx = { path = '../high' }").len(), 1);
    assert_eq!(find("cellar", "").len(), 1);
}
