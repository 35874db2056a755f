//! Where each slot of a type lies: the numbers of `typeslots.h`, and what a type inherits from its base.

use std::ffi::{c_int, c_void};
use std::mem::offset_of;

use crate::abi::layout as c;

macro_rules! at {
    (ht_type, $field:ident) => {
        std::mem::offset_of!(c::PyTypeObject, $field)
    };
    (as_async, $field:ident) => {
        std::mem::offset_of!(c::PyHeapTypeObject, as_async) + std::mem::offset_of!(c::PyAsyncMethods, $field)
    };
    (as_number, $field:ident) => {
        std::mem::offset_of!(c::PyHeapTypeObject, as_number) + std::mem::offset_of!(c::PyNumberMethods, $field)
    };
    (as_mapping, $field:ident) => {
        std::mem::offset_of!(c::PyHeapTypeObject, as_mapping) + std::mem::offset_of!(c::PyMappingMethods, $field)
    };
    (as_sequence, $field:ident) => {
        std::mem::offset_of!(c::PyHeapTypeObject, as_sequence) + std::mem::offset_of!(c::PySequenceMethods, $field)
    };
    (as_buffer, $field:ident) => {
        std::mem::offset_of!(c::PyHeapTypeObject, as_buffer) + std::mem::offset_of!(c::PyBufferProcs, $field)
    };
}

pub(crate) use at;

/// `Py_tp_token`, which is no slot of the type object proper.
pub(crate) const TOKEN: c_int = 83;
/// `Py_tp_base`, `Py_tp_bases`, `Py_tp_doc`, `Py_tp_members`: taken care of one by one.
pub(crate) const BASE: c_int = 48;
pub(crate) const BASES: c_int = 49;
pub(crate) const DOC: c_int = 56;
pub(crate) const MEMBERS: c_int = 72;

/// Slot numbers, and the slots' offsets in a `PyHeapTypeObject`.
pub(crate) const SLOTS: [(c_int, usize); 82] = [
    (1, at!(as_buffer, bf_getbuffer)),
    (2, at!(as_buffer, bf_releasebuffer)),
    (3, at!(as_mapping, mp_ass_subscript)),
    (4, at!(as_mapping, mp_length)),
    (5, at!(as_mapping, mp_subscript)),
    (6, at!(as_number, nb_absolute)),
    (7, at!(as_number, nb_add)),
    (8, at!(as_number, nb_and)),
    (9, at!(as_number, nb_bool)),
    (10, at!(as_number, nb_divmod)),
    (11, at!(as_number, nb_float)),
    (12, at!(as_number, nb_floor_divide)),
    (13, at!(as_number, nb_index)),
    (14, at!(as_number, nb_inplace_add)),
    (15, at!(as_number, nb_inplace_and)),
    (16, at!(as_number, nb_inplace_floor_divide)),
    (17, at!(as_number, nb_inplace_lshift)),
    (18, at!(as_number, nb_inplace_multiply)),
    (19, at!(as_number, nb_inplace_or)),
    (20, at!(as_number, nb_inplace_power)),
    (21, at!(as_number, nb_inplace_remainder)),
    (22, at!(as_number, nb_inplace_rshift)),
    (23, at!(as_number, nb_inplace_subtract)),
    (24, at!(as_number, nb_inplace_true_divide)),
    (25, at!(as_number, nb_inplace_xor)),
    (26, at!(as_number, nb_int)),
    (27, at!(as_number, nb_invert)),
    (28, at!(as_number, nb_lshift)),
    (29, at!(as_number, nb_multiply)),
    (30, at!(as_number, nb_negative)),
    (31, at!(as_number, nb_or)),
    (32, at!(as_number, nb_positive)),
    (33, at!(as_number, nb_power)),
    (34, at!(as_number, nb_remainder)),
    (35, at!(as_number, nb_rshift)),
    (36, at!(as_number, nb_subtract)),
    (37, at!(as_number, nb_true_divide)),
    (38, at!(as_number, nb_xor)),
    (39, at!(as_sequence, sq_ass_item)),
    (40, at!(as_sequence, sq_concat)),
    (41, at!(as_sequence, sq_contains)),
    (42, at!(as_sequence, sq_inplace_concat)),
    (43, at!(as_sequence, sq_inplace_repeat)),
    (44, at!(as_sequence, sq_item)),
    (45, at!(as_sequence, sq_length)),
    (46, at!(as_sequence, sq_repeat)),
    (47, at!(ht_type, tp_alloc)),
    (48, at!(ht_type, tp_base)),
    (49, at!(ht_type, tp_bases)),
    (50, at!(ht_type, tp_call)),
    (51, at!(ht_type, tp_clear)),
    (52, at!(ht_type, tp_dealloc)),
    (53, at!(ht_type, tp_del)),
    (54, at!(ht_type, tp_descr_get)),
    (55, at!(ht_type, tp_descr_set)),
    (56, at!(ht_type, tp_doc)),
    (57, at!(ht_type, tp_getattr)),
    (58, at!(ht_type, tp_getattro)),
    (59, at!(ht_type, tp_hash)),
    (60, at!(ht_type, tp_init)),
    (61, at!(ht_type, tp_is_gc)),
    (62, at!(ht_type, tp_iter)),
    (63, at!(ht_type, tp_iternext)),
    (64, at!(ht_type, tp_methods)),
    (65, at!(ht_type, tp_new)),
    (66, at!(ht_type, tp_repr)),
    (67, at!(ht_type, tp_richcompare)),
    (68, at!(ht_type, tp_setattr)),
    (69, at!(ht_type, tp_setattro)),
    (70, at!(ht_type, tp_str)),
    (71, at!(ht_type, tp_traverse)),
    (72, at!(ht_type, tp_members)),
    (73, at!(ht_type, tp_getset)),
    (74, at!(ht_type, tp_free)),
    (75, at!(as_number, nb_matrix_multiply)),
    (76, at!(as_number, nb_inplace_matrix_multiply)),
    (77, at!(as_async, am_await)),
    (78, at!(as_async, am_aiter)),
    (79, at!(as_async, am_anext)),
    (80, at!(ht_type, tp_finalize)),
    (81, at!(as_async, am_send)),
    (82, at!(ht_type, tp_vectorcall)),
];

/// The offset of a slot in a `PyHeapTypeObject`.
pub(crate) fn offset(slot: c_int) -> Option<usize> {
    SLOTS.iter().find(|(number, _)| *number == slot).map(|(_, offset)| *offset)
}

/// The offsets of all slots that hold functions.
pub(crate) fn functions() -> impl Iterator<Item = usize> {
    const DATA: [usize; 6] = [
        at!(ht_type, tp_base),
        at!(ht_type, tp_bases),
        at!(ht_type, tp_doc),
        at!(ht_type, tp_getset),
        at!(ht_type, tp_members),
        at!(ht_type, tp_methods),
    ];
    SLOTS.iter().map(|(_, offset)| *offset).filter(|offset| !DATA.contains(offset))
}

/// Slots of the type object that a type takes from its base if it has none of its own.
const INHERITED: [usize; 21] = [
    at!(ht_type, tp_repr),
    at!(ht_type, tp_call),
    at!(ht_type, tp_str),
    at!(ht_type, tp_iter),
    at!(ht_type, tp_iternext),
    at!(ht_type, tp_descr_get),
    at!(ht_type, tp_descr_set),
    at!(ht_type, tp_init),
    at!(ht_type, tp_alloc),
    at!(ht_type, tp_new),
    at!(ht_type, tp_free),
    at!(ht_type, tp_is_gc),
    at!(ht_type, tp_finalize),
    at!(ht_type, tp_del),
    at!(ht_type, tp_dealloc),
    at!(ht_type, tp_weaklistoffset),
    at!(ht_type, tp_dictoffset),
    at!(ht_type, tp_vectorcall_offset),
    at!(ht_type, tp_itemsize),
    at!(ht_type, tp_basicsize),
    at!(ht_type, tp_traverse),
];

/// Slots that are inherited together, if a type has none of the group.
const GROUPS: [&[usize]; 3] = [
    &[at!(ht_type, tp_getattr), at!(ht_type, tp_getattro)],
    &[at!(ht_type, tp_setattr), at!(ht_type, tp_setattro)],
    &[at!(ht_type, tp_hash), at!(ht_type, tp_richcompare)],
];

/// Functions that a type takes from the next class in its MRO that has one of its own.
const BY_MRO: [usize; 9] = [
    at!(ht_type, tp_repr),
    at!(ht_type, tp_call),
    at!(ht_type, tp_str),
    at!(ht_type, tp_iter),
    at!(ht_type, tp_iternext),
    at!(ht_type, tp_descr_get),
    at!(ht_type, tp_descr_set),
    at!(ht_type, tp_init),
    at!(ht_type, tp_finalize),
];

/// A word of a type.
unsafe fn word(of: *const c::PyTypeObject, offset: usize) -> *mut usize {
    // SAFETY: by the callers' contract.
    unsafe { of.cast::<u8>().add(offset).cast_mut().cast() }
}

/// Fills a type's empty slots from a class of its MRO, which are to be asked in their order: those that the class does not
/// just have from its own base.
///
/// # Safety
/// Both are types.
pub(crate) unsafe fn inherit_slots(t: *mut c::PyTypeObject, from: *const c::PyTypeObject) {
    // SAFETY: by contract; all fields named are one word.
    unsafe {
        let above = (*from).tp_base;
        let read = |of: *const c::PyTypeObject, at| if of.is_null() { 0 } else { word(of, at).read() };
        inherit_calls(t, from);
        for at in BY_MRO {
            let value = read(from, at);
            if read(t, at) == 0 && value != read(above, at) {
                word(t, at).write(value);
            }
        }
        for group in GROUPS {
            let is_own = group.iter().any(|at| read(from, *at) != read(above, *at));
            if is_own && group.iter().all(|at| read(t, *at) == 0) {
                for at in group {
                    word(t, *at).write(read(from, *at));
                }
            }
        }
        for (_, at) in SLOTS {
            // Suites; buffers go by the layout.
            if (AS_ASYNC..AS_BUFFER).contains(&at) && at != at!(as_async, am_send) {
                let value = self::read(from.cast_mut(), at);
                let of_above = if above.is_null() { std::ptr::null_mut() } else { self::read(above, at) };
                fill_suite(t, at, value, of_above);
            }
        }
    }
}

/// Fills an empty slot of a suite that the type has.
unsafe fn fill_suite(t: *mut c::PyTypeObject, at: usize, value: *mut c_void, of_above: *mut c_void) {
    // SAFETY: by the callers' contract.
    unsafe {
        if let Some((pointer, start, _)) = suite(t, at)
            && !(*pointer).is_null()
            && !value.is_null()
            && value != of_above
        {
            let place = (*pointer).add(at - start).cast::<*mut c_void>();
            if (*place).is_null() {
                *place = value;
            }
        }
    }
}

/// The flag that says that a type's objects have a function to call belongs to `tp_call`: who defines that anew must say
/// so itself. Likewise the flag of methods, which only types that cannot change inherit.
unsafe fn inherit_calls(t: *mut c::PyTypeObject, base: *const c::PyTypeObject) {
    use c::tpflags::{HAVE_VECTORCALL, HEAPTYPE, METHOD_DESCRIPTOR};
    // SAFETY: by the callers' contract.
    unsafe {
        let (own, of_base) = (t.cast_const(), base);
        let same = move |at| word(own, at).read() == 0 || word(own, at).read() == word(of_base, at).read();
        if same(at!(ht_type, tp_call)) {
            (*t).tp_flags |= (*base).tp_flags & HAVE_VECTORCALL;
        }
        if same(at!(ht_type, tp_descr_get)) && (*t).tp_flags & HEAPTYPE == 0 {
            (*t).tp_flags |= (*base).tp_flags & METHOD_DESCRIPTOR;
        }
    }
}

/// Fills a type's empty slots from its base.
///
/// # Safety
/// Both are types.
pub(crate) unsafe fn inherit(t: *mut c::PyTypeObject, base: *const c::PyTypeObject) {
    // SAFETY: by contract; all fields named are one word.
    unsafe {
        inherit_calls(t, base);
        for offset in INHERITED {
            if word(t, offset).read() == 0 {
                word(t, offset).write(word(base, offset).read());
            }
        }
        for group in GROUPS {
            if group.iter().all(|offset| word(t, *offset).read() == 0) {
                for offset in group {
                    word(t, *offset).write(word(base, *offset).read());
                }
            }
        }
        if (*t).tp_clear.is_none()
            && (*t)
                .tp_traverse
                .is_some_and(|own| (*base).tp_traverse.is_some_and(|base| std::ptr::fn_addr_eq(own, base)))
        {
            (*t).tp_clear = (*base).tp_clear;
        }
        inherit_suite(&mut (*t).tp_as_number, (*base).tp_as_number);
        inherit_suite(&mut (*t).tp_as_sequence, (*base).tp_as_sequence);
        inherit_suite(&mut (*t).tp_as_mapping, (*base).tp_as_mapping);
        // This one goes with the whole suite only.
        let am_send = (*t).tp_as_async.as_ref().map(|own| own.am_send);
        inherit_suite(&mut (*t).tp_as_async, (*base).tp_as_async);
        if let Some(am_send) = am_send {
            (*(*t).tp_as_async).am_send = am_send;
        }
        inherit_suite(&mut (*t).tp_as_buffer, (*base).tp_as_buffer);
        const FLAGS: usize = c::tpflags::LONG_SUBCLASS
            | c::tpflags::LIST_SUBCLASS
            | c::tpflags::TUPLE_SUBCLASS
            | c::tpflags::BYTES_SUBCLASS
            | c::tpflags::UNICODE_SUBCLASS
            | c::tpflags::DICT_SUBCLASS
            | c::tpflags::BASE_EXC_SUBCLASS
            | c::tpflags::TYPE_SUBCLASS
            | c::tpflags::HAVE_GC
            | c::tpflags::ITEMS_AT_END;
        (*t).tp_flags |= (*base).tp_flags & FLAGS;
    }
}

/// A suite that is missing is the base's; one that is there takes the base's functions where it has none.
unsafe fn inherit_suite<T>(own: &mut *mut T, base: *mut T) {
    if base.is_null() {
        return;
    }
    if own.is_null() {
        *own = base;
        return;
    }
    for index in 0..size_of::<T>() / size_of::<*const c_void>() {
        // SAFETY: suites are structs of function pointers.
        unsafe {
            let to = own.cast::<usize>().add(index);
            if to.read() == 0 {
                to.write(base.cast::<usize>().add(index).read());
            }
        }
    }
}

/// Points a heap type's suites at its own tables.
///
/// # Safety
/// `t` is a heap type's block.
pub(crate) unsafe fn own_suites(t: *mut c::PyHeapTypeObject) {
    // SAFETY: by contract.
    unsafe {
        (*t).ht_type.tp_as_async = &raw mut (*t).as_async;
        (*t).ht_type.tp_as_number = &raw mut (*t).as_number;
        (*t).ht_type.tp_as_mapping = &raw mut (*t).as_mapping;
        (*t).ht_type.tp_as_sequence = &raw mut (*t).as_sequence;
        (*t).ht_type.tp_as_buffer = &raw mut (*t).as_buffer;
    }
}

/// Where the functions of a suite begin in a `PyHeapTypeObject`.
const AS_ASYNC: usize = offset_of!(c::PyHeapTypeObject, as_async);
const AS_NUMBER: usize = offset_of!(c::PyHeapTypeObject, as_number);
const AS_MAPPING: usize = offset_of!(c::PyHeapTypeObject, as_mapping);
const AS_SEQUENCE: usize = offset_of!(c::PyHeapTypeObject, as_sequence);
const AS_BUFFER: usize = offset_of!(c::PyHeapTypeObject, as_buffer);

/// The type's pointer to the suite that an offset of [`SLOTS`] lies in, where that suite begins, and its size.
unsafe fn suite(t: *mut c::PyTypeObject, at: usize) -> Option<(*mut *mut u8, usize, usize)> {
    // SAFETY: by the callers' contract.
    unsafe {
        Some(match at {
            AS_BUFFER.. => ((&raw mut (*t).tp_as_buffer).cast(), AS_BUFFER, size_of::<c::PyBufferProcs>()),
            AS_SEQUENCE.. => ((&raw mut (*t).tp_as_sequence).cast(), AS_SEQUENCE, size_of::<c::PySequenceMethods>()),
            AS_MAPPING.. => ((&raw mut (*t).tp_as_mapping).cast(), AS_MAPPING, size_of::<c::PyMappingMethods>()),
            AS_NUMBER.. => ((&raw mut (*t).tp_as_number).cast(), AS_NUMBER, size_of::<c::PyNumberMethods>()),
            AS_ASYNC.. => ((&raw mut (*t).tp_as_async).cast(), AS_ASYNC, size_of::<c::PyAsyncMethods>()),
            _ => return None,
        })
    }
}

/// What a slot at an offset of [`SLOTS`] holds: suites are looked up where the type points to, for a static type's
/// are not behind it.
///
/// # Safety
/// `t` is a type.
pub(crate) unsafe fn read(t: *mut c::PyTypeObject, at: usize) -> *mut c_void {
    // SAFETY: by contract.
    unsafe {
        match suite(t, at) {
            None => t.cast::<u8>().add(at).cast::<*mut c_void>().read(),
            Some((pointer, _, _)) if (*pointer).is_null() => std::ptr::null_mut(),
            Some((pointer, start, _)) => (*pointer).add(at - start).cast::<*mut c_void>().read(),
        }
    }
}

/// Writes a slot. A type that has no suite, or its base's, gets one of its own first.
///
/// # Safety
/// `t` is a type's block; it has suites of its own, or room for them behind it.
pub(crate) unsafe fn write(t: *mut c::PyTypeObject, at: usize, value: *mut c_void) {
    // SAFETY: by contract, the suites lie behind the type.
    unsafe {
        if let Some((pointer, start, size)) = suite(t, at) {
            let base = (*t).tp_base;
            let shared = !base.is_null() && suite(base, at).is_some_and(|(of_base, _, _)| *of_base == *pointer);
            if shared || (*pointer).is_null() {
                let own = t.cast::<u8>().add(start);
                if !(*pointer).is_null() {
                    std::ptr::copy_nonoverlapping(*pointer, own, size);
                }
                *pointer = own;
            }
            (*pointer).add(at - start).cast::<*mut c_void>().write(value);
        } else {
            t.cast::<u8>().add(at).cast::<*mut c_void>().write(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Box<c::PyHeapTypeObject> {
        // SAFETY: every field is a number, a pointer or an optional function.
        Box::new(unsafe { std::mem::zeroed() })
    }

    unsafe extern "C" fn repr(_: *mut c::PyObject) -> *mut c::PyObject {
        std::ptr::null_mut()
    }

    unsafe extern "C" fn hash(_: *mut c::PyObject) -> isize {
        1
    }

    unsafe extern "C" fn length(_: *mut c::PyObject) -> isize {
        2
    }

    #[test]
    fn each_number_has_a_place_of_its_own_inside_the_struct() {
        let mut places = std::collections::HashSet::new();
        for (index, (number, offset)) in SLOTS.into_iter().enumerate() {
            assert_eq!(number as usize, index + 1);
            assert!(offset % 8 == 0 && offset + 8 <= size_of::<c::PyHeapTypeObject>(), "{number} is at {offset}");
            assert!(places.insert(offset), "{number} has the place of another");
            assert_eq!(super::offset(number), Some(offset));
        }
        assert_eq!((super::offset(0), super::offset(TOKEN), super::offset(-1)), (None, None, None));
    }

    #[test]
    fn slots_are_read_where_the_type_has_them() {
        let (mut t, mut apart) = (empty(), empty());
        t.as_mapping.mp_length = Some(length);
        apart.ht_type.tp_repr = Some(repr);
        let (length_at, repr_at) = (super::offset(4).unwrap(), super::offset(66).unwrap());
        // SAFETY: a heap type's struct.
        let read = |t: &mut c::PyHeapTypeObject, at| unsafe { read((&raw mut *t).cast(), at) };
        assert!(read(&mut t, length_at).is_null(), "the type does not point to its suite");
        // SAFETY: a heap type's struct.
        unsafe { own_suites(&raw mut *t) };
        assert_eq!(read(&mut t, length_at), length as *mut c_void);
        // A static type's suite lies elsewhere.
        apart.ht_type.tp_as_mapping = &raw mut t.as_mapping;
        assert_eq!(read(&mut apart, length_at), length as *mut c_void);
        assert_eq!(read(&mut apart, repr_at), repr as *mut c_void);
    }

    #[test]
    fn what_a_type_lacks_is_its_bases() {
        let (mut base, mut t) = (empty(), empty());
        base.ht_type.tp_repr = Some(repr);
        base.ht_type.tp_hash = Some(hash);
        base.ht_type.tp_basicsize = 48;
        base.ht_type.tp_flags = c::tpflags::LIST_SUBCLASS | c::tpflags::HEAPTYPE;
        base.as_sequence.sq_length = Some(length);
        base.ht_type.tp_as_sequence = &raw mut base.as_sequence;
        t.ht_type.tp_basicsize = 56;
        // SAFETY: both are types.
        unsafe {
            own_suites(&raw mut *t);
            inherit(&mut t.ht_type, &base.ht_type);
        }
        assert_eq!(t.ht_type.tp_basicsize, 56);
        assert_eq!(t.ht_type.tp_repr.map(|it| it as usize), Some(repr as *const () as usize));
        assert_eq!(t.ht_type.tp_hash.map(|it| it as usize), Some(hash as *const () as usize));
        assert_eq!(t.as_sequence.sq_length.map(|it| it as usize), Some(length as *const () as usize));
        assert_eq!(t.ht_type.tp_flags, c::tpflags::LIST_SUBCLASS);
    }

    #[test]
    fn a_base_that_only_inherits_a_function_does_not_give_it() {
        let (mut root, mut left, mut right, mut t) = (empty(), empty(), empty(), empty());
        root.ht_type.tp_hash = Some(hash);
        for class in [&mut left, &mut right] {
            class.ht_type.tp_base = &raw mut root.ht_type;
            class.ht_type.tp_hash = Some(hash);
        }
        unsafe extern "C" fn other(_: *mut c::PyObject) -> isize {
            3
        }
        right.ht_type.tp_hash = Some(other);
        right.as_sequence.sq_length = Some(length);
        right.ht_type.tp_as_sequence = &raw mut right.as_sequence;
        // SAFETY: all are types.
        unsafe {
            own_suites(&raw mut *t);
            for class in [&left, &right, &root] {
                inherit_slots(&mut t.ht_type, &class.ht_type);
            }
        }
        assert_eq!(t.ht_type.tp_hash.map(|it| it as usize), Some(other as *const () as usize));
        assert_eq!(t.as_sequence.sq_length.map(|it| it as usize), Some(length as *const () as usize));
    }

    #[test]
    fn what_is_written_does_not_reach_the_bases_suite() {
        let (mut base, mut t) = (empty(), empty());
        base.as_mapping.mp_length = Some(length);
        base.ht_type.tp_as_mapping = &raw mut base.as_mapping;
        t.ht_type.tp_base = &raw mut base.ht_type;
        t.ht_type.tp_as_mapping = &raw mut base.as_mapping;
        let (length_at, item_at) = (super::offset(4).unwrap(), super::offset(5).unwrap());
        // SAFETY: a heap type's struct.
        unsafe { write((&raw mut *t).cast(), item_at, repr as *mut c_void) };
        assert!(base.as_mapping.mp_subscript.is_none());
        // SAFETY: a heap type's struct.
        let mut read = |at| unsafe { read((&raw mut *t).cast(), at) };
        assert_eq!((read(length_at), read(item_at)), (length as *mut c_void, repr as *mut c_void));
    }

    #[test]
    fn comparison_and_hash_are_inherited_together() {
        unsafe extern "C" fn compare(_: *mut c::PyObject, _: *mut c::PyObject, _: c_int) -> *mut c::PyObject {
            std::ptr::null_mut()
        }
        let (mut base, mut t) = (empty(), empty());
        base.ht_type.tp_hash = Some(hash);
        t.ht_type.tp_richcompare = Some(compare);
        // SAFETY: both are types.
        unsafe { inherit(&mut t.ht_type, &base.ht_type) };
        assert!(t.ht_type.tp_hash.is_none());
    }
}
