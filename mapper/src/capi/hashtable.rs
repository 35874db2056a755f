//! `internal/pycore_hashtable.h`: hash tables of pointers, which some of CPython's own modules use. Inline functions in
//! that header read the table's `get_entry_func` and an entry's fields.

use super::prelude::*;

type Hash = unsafe extern "C" fn(*const c_void) -> usize;
type Compare = unsafe extern "C" fn(*const c_void, *const c_void) -> c_int;
type Destroy = unsafe extern "C" fn(*mut c_void);

/// `_Py_hashtable_entry_t`.
#[repr(C)]
pub struct Entry {
    _next: *mut Entry,
    hash: usize,
    key: *const c_void,
    value: *mut c_void,
}

/// `_Py_hashtable_t`, as far as its inline functions read it, and the entries.
#[repr(C)]
pub struct Table {
    count: usize,
    _bucket_count: usize,
    _buckets: *mut c_void,
    get_entry: unsafe extern "C" fn(*mut Table, *const c_void) -> *mut Entry,
    hash: Hash,
    compare: Compare,
    destroy_key: Option<Destroy>,
    destroy_value: Option<Destroy>,
    _allocator: [*mut c_void; 2],
    #[expect(clippy::vec_box, reason = "C code keeps pointers to entries")]
    buckets: Vec<Vec<Box<Entry>>>,
}

impl Table {
    unsafe fn place(&self, key: *const c_void) -> (usize, usize, Option<usize>) {
        // SAFETY: C's functions and its key.
        unsafe {
            let hash = (self.hash)(key);
            let bucket = hash % self.buckets.len();
            let found =
                self.buckets[bucket].iter().position(|entry| entry.hash == hash && (self.compare)(key, entry.key) != 0);
            (hash, bucket, found)
        }
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.buckets);
        self.buckets.resize_with(old.len() * 2, Vec::new);
        for entry in old.into_iter().flatten() {
            let bucket = entry.hash % self.buckets.len();
            self.buckets[bucket].push(entry);
        }
    }

    unsafe fn clear(&mut self) {
        for entry in self.buckets.iter_mut().flat_map(std::mem::take) {
            // SAFETY: C's functions, each for what C put in.
            unsafe {
                if let Some(destroy) = self.destroy_key {
                    destroy(entry.key.cast_mut());
                }
                if let Some(destroy) = self.destroy_value {
                    destroy(entry.value);
                }
            }
        }
        self.count = 0;
    }
}

/// A pointer's hash.
pub unsafe extern "C" fn _Py_hashtable_hash_ptr(key: *const c_void) -> usize {
    (key as usize).rotate_right(4)
}

/// Whether two keys are the same pointer.
pub unsafe extern "C" fn _Py_hashtable_compare_direct(a: *const c_void, b: *const c_void) -> c_int {
    c_int::from(a == b)
}

/// A new table.
pub unsafe extern "C" fn _Py_hashtable_new(hash: Hash, compare: Compare) -> *mut Table {
    // SAFETY: C's arguments.
    unsafe { _Py_hashtable_new_full(hash, compare, None, None, std::ptr::null_mut()) }
}

/// A new table with functions that end keys and values.
pub unsafe extern "C" fn _Py_hashtable_new_full(
    hash: Hash,
    compare: Compare,
    destroy_key: Option<Destroy>,
    destroy_value: Option<Destroy>,
    _allocator: *mut c_void,
) -> *mut Table {
    let mut buckets = Vec::new();
    buckets.resize_with(16, Vec::new);
    Box::into_raw(Box::new(Table {
        count: 0,
        _bucket_count: 0,
        _buckets: std::ptr::null_mut(),
        get_entry,
        hash,
        compare,
        destroy_key,
        destroy_value,
        _allocator: [std::ptr::null_mut(); 2],
        buckets,
    }))
}

/// A key's entry, or null.
unsafe extern "C" fn get_entry(table: *mut Table, key: *const c_void) -> *mut Entry {
    // SAFETY: C's arguments.
    unsafe {
        let (_, bucket, found) = (*table).place(key);
        found.map_or(std::ptr::null_mut(), |index| &raw mut *(&mut (*table).buckets)[bucket][index])
    }
}

/// Ends a table with all that is in it.
pub unsafe extern "C" fn _Py_hashtable_destroy(table: *mut Table) {
    // SAFETY: C's argument, made by `_Py_hashtable_new_full`.
    unsafe { Box::from_raw(table).clear() };
}

/// Empties a table.
pub unsafe extern "C" fn _Py_hashtable_clear(table: *mut Table) {
    // SAFETY: C's argument.
    unsafe { (*table).clear() };
}

/// Calls a function for each entry, until it gives something else than 0, which is returned.
pub unsafe extern "C" fn _Py_hashtable_foreach(
    table: *mut Table,
    each: unsafe extern "C" fn(*mut Table, *const c_void, *const c_void, *mut c_void) -> c_int,
    data: *mut c_void,
) -> c_int {
    // SAFETY: C's arguments; the entries are copied, for the function may change the table.
    unsafe {
        let entries: Vec<_> = (*table).buckets.iter().flatten().map(|entry| (entry.key, entry.value)).collect();
        entries.into_iter().map(|(key, value)| each(table, key, value, data)).find(|status| *status != 0).unwrap_or(0)
    }
}

/// The number of entries.
pub unsafe extern "C" fn _Py_hashtable_len(table: *const Table) -> usize {
    // SAFETY: C's argument.
    unsafe { (*table).count }
}

/// Adds a key that is not in the table. 0.
pub unsafe extern "C" fn _Py_hashtable_set(table: *mut Table, key: *const c_void, value: *mut c_void) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        let table = &mut *table;
        if table.count >= table.buckets.len() {
            table.grow();
        }
        let (hash, bucket, _) = table.place(key);
        table.buckets[bucket].push(Box::new(Entry { _next: std::ptr::null_mut(), hash, key, value }));
        table.count += 1;
    }
    0
}

/// A key's value, or NULL.
pub unsafe extern "C" fn _Py_hashtable_get(table: *mut Table, key: *const c_void) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe { get_entry(table, key).as_ref() }.map_or(std::ptr::null_mut(), |entry| entry.value)
}

/// Takes a key out and gives its value, or NULL.
pub unsafe extern "C" fn _Py_hashtable_steal(table: *mut Table, key: *const c_void) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe {
        let table = &mut *table;
        let (_, bucket, found) = table.place(key);
        found.map_or(std::ptr::null_mut(), |index| {
            table.count -= 1;
            table.buckets[bucket].swap_remove(index).value
        })
    }
}
