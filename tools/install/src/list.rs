//! `rustclad list`.

use crate::distribution::Distribution;
use crate::error::Result;
use crate::site::Site;

/// Prints name and version of all that is installed, as `pip list` does.
pub(crate) fn list(site: &Site, json: bool) -> Result<()> {
    let all = Distribution::all(&site.folder)?;
    if json {
        let rows: Vec<_> = all.iter().map(|it| serde_json::json!({"name": it.name, "version": it.version})).collect();
        println!("{}", serde_json::Value::from(rows));
        return Ok(());
    }
    if all.is_empty() {
        return Ok(());
    }
    let width = |of: fn(&Distribution) -> &str, title: &str| {
        all.iter().map(|it| of(it).chars().count()).max().unwrap_or(0).max(title.len())
    };
    let (names, versions) = (width(|it| &it.name, "Package"), width(|it| &it.version, "Version"));
    println!("{:names$} Version\n{:-<names$} {:-<versions$}", "Package", "", "");
    for it in all {
        println!("{:names$} {}", it.name, it.version);
    }
    Ok(())
}
