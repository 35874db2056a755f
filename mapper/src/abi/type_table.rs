//! CPython's own types: sizes, offsets, flags and tables, as `types.tsv` has them. `tests/python/types_table.py` writes
//! that file, run by hand with the CPython whose numbers are wanted.

use std::ffi::c_int;
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

/// A field of the struct of a type's instances that Python sees as an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The attribute.
    pub name: &'static str,
    /// `Py_T_*`.
    pub kind: c_int,
    /// Where it lies.
    pub offset: isize,
    /// `Py_READONLY` and its like.
    pub flags: c_int,
}

/// What CPython has in a type.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `tp_basicsize`.
    pub basicsize: isize,
    /// `tp_itemsize`.
    pub itemsize: isize,
    /// `tp_dictoffset`.
    pub dictoffset: isize,
    /// `tp_weaklistoffset`.
    pub weaklistoffset: isize,
    /// `tp_vectorcall_offset`.
    pub vectorcall_offset: isize,
    /// `tp_flags`.
    pub flags: usize,
    /// A bit for each slot that is not NULL, by its number in `typeslots.h`.
    pub slots: u128,
    fields: &'static str,
    methods: &'static str,
}

/// The entries of a list in one cell.
fn entries(cell: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    cell.split(',').filter(|cell| *cell != "-").map(|entry| entry.split(':').collect())
}

impl Row {
    fn of(cells: &[&'static str]) -> Option<Self> {
        let number = |index: usize| cells.get(index)?.parse().ok();
        Some(Self {
            basicsize: number(1)?,
            itemsize: number(2)?,
            dictoffset: number(3)?,
            weaklistoffset: number(4)?,
            vectorcall_offset: number(5)?,
            flags: usize::from_str_radix(cells.get(6)?, 16).ok()?,
            slots: u128::from_str_radix(cells.get(7)?, 16).ok()?,
            fields: cells.get(8)?,
            methods: cells.get(9)?,
        })
    }

    /// `tp_members`.
    pub fn fields(&self) -> impl Iterator<Item = Field> + use<> {
        entries(self.fields).filter_map(|entry| {
            let [name, kind, offset, flags] = entry[..] else { return None };
            Some(Field { name, kind: kind.parse().ok()?, offset: offset.parse().ok()?, flags: flags.parse().ok()? })
        })
    }

    /// `ml_flags` of a method in `tp_methods`.
    pub fn method_flags(&self, name: &str) -> Option<c_int> {
        entries(self.methods).find(|entry| entry[0] == name).and_then(|entry| c_int::from_str_radix(entry[1], 16).ok())
    }

    /// Whether the slot of this number is not NULL.
    pub fn has_slot(&self, number: c_int) -> bool {
        self.slots & 1 << number != 0
    }
}

/// The row of a type, by its name with the module.
pub fn row(name: &str) -> Option<&'static Row> {
    static ROWS: OnceLock<FxHashMap<&'static str, Row>> = OnceLock::new();
    let rows = ROWS.get_or_init(|| {
        let lines = include_str!("types.tsv").lines().skip(1);
        lines
            .filter_map(|line| {
                let cells: Vec<_> = line.split('\t').collect();
                Some((cells[0], Row::of(&cells)?))
            })
            .collect()
    });
    rows.get(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::layout as c;
    use std::mem::offset_of;

    #[test]
    fn every_line_is_a_row() {
        for line in include_str!("types.tsv").lines().skip(1) {
            let name = line.split('\t').next().unwrap_or_default();
            assert!(row(name).is_some(), "{line}");
        }
    }

    /// The numbers that the headers tell, too: what `layout.tsv` holds against the C compiler.
    #[test]
    fn sizes_agree_with_the_structs() {
        for (name, size) in [
            ("object", size_of::<c::PyObject>()),
            ("type", size_of::<c::PyHeapTypeObject>()),
            ("float", size_of::<c::PyFloatObject>()),
            ("complex", size_of::<c::PyComplexObject>()),
            ("str", size_of::<c::PyUnicodeObject>()),
            ("list", size_of::<c::PyListObject>()),
            ("dict", size_of::<c::PyDictObject>()),
            ("set", size_of::<c::PySetObject>()),
            ("slice", size_of::<c::PySliceObject>()),
            ("method", size_of::<c::PyMethodObject>()),
            ("method_descriptor", size_of::<c::PyMethodDescrObject>()),
            ("BaseException", size_of::<c::PyBaseExceptionObject>()),
        ] {
            assert_eq!(row(&format!("builtins.{name}")).map(|row| row.basicsize), Some(size as isize), "{name}");
        }
    }

    #[test]
    fn fields_and_offsets_agree_with_the_structs() {
        let slice = row("builtins.slice").expect("a row");
        let stop = slice.fields().find(|field| field.name == "stop").expect("a field");
        assert_eq!((stop.kind, stop.offset), (6, offset_of!(c::PySliceObject, stop) as isize));
        let class = row("builtins.type").expect("a row");
        assert_eq!(class.dictoffset, offset_of!(c::PyTypeObject, tp_dict) as isize);
        assert_eq!(class.weaklistoffset, offset_of!(c::PyTypeObject, tp_weaklist) as isize);
        let float = row("builtins.float").expect("a row");
        assert_eq!(float.method_flags("as_integer_ratio"), Some(c::meth::NOARGS));
        assert!(float.method_flags("nonsense").is_none() && float.has_slot(59) && !float.has_slot(43));
    }
}
