//! `modsupport.h`: building values, and adding to modules.

use super::prelude::*;
use crate::capi::{dictobject, floatobject, longobject, unicodeobject};
use crate::twins::forms::list;
use crate::twins::forms::object;

/// A format under way.
struct Builder<'a> {
    vm: &'a VirtualMachine,
    rest: &'a [u8],
    va: &'a mut VaList,
}

/// Builds a value from a format: None from none, one object from one unit, a tuple from more.
pub(crate) unsafe fn build_value(vm: &VirtualMachine, format: *const c_char, va: &mut VaList) -> PyResult<New> {
    // SAFETY: C's arguments.
    let rest = unsafe { CStr::from_ptr(format) }.to_bytes();
    let mut builder = Builder { vm, rest, va };
    // SAFETY: C's arguments.
    unsafe {
        let first = builder.items(None)?;
        match first.as_slice() {
            [] => Ok(New::of(vm, vm.ctx.none())),
            [only] => Ok(New(*only)),
            items => Ok(New(tuple::with_items(items))),
        }
    }
}

impl Builder<'_> {
    /// The next letter that means something, without taking it.
    fn peek(&mut self) -> Option<u8> {
        while self.rest.first().is_some_and(|letter| matches!(letter, b' ' | b'\t' | b',' | b':')) {
            self.rest = &self.rest[1..];
        }
        self.rest.first().copied()
    }

    /// Builds units up to `end`, or to the format's end; the references are the caller's.
    unsafe fn items(&mut self, end: Option<u8>) -> PyResult<Vec<Block>> {
        let mut items = Vec::new();
        loop {
            match (self.peek(), end) {
                (None, None) => return Ok(items),
                (None, Some(_)) => return self.fail(items, "unmatched paren in format"),
                (Some(letter), Some(end)) if letter == end => {
                    self.rest = &self.rest[1..];
                    return Ok(items);
                }
                // SAFETY: C's arguments.
                _ => match unsafe { self.unit() } {
                    Ok(block) if !block.is_null() => items.push(block),
                    Ok(_) => {
                        let error = error::fetch(self.vm, "Py_BuildValue");
                        drop_all(items);
                        return Err(error);
                    }
                    Err(error) => {
                        drop_all(items);
                        return Err(error);
                    }
                },
            }
        }
    }

    fn fail<T>(&self, items: Vec<Block>, message: &'static str) -> PyResult<T> {
        drop_all(items);
        Err(self.vm.new_system_error(message))
    }

    fn follows(&mut self, letter: u8) -> bool {
        let found = self.rest.first() == Some(&letter);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    /// Builds one unit; a null pointer says that an exception is raised.
    unsafe fn unit(&mut self) -> PyResult<Block> {
        let letter = self.rest[0];
        self.rest = &self.rest[1..];
        // SAFETY: C's arguments.
        unsafe {
            Ok(match letter {
                b'(' => tuple::with_items(&self.items(Some(b')'))?),
                b'[' => {
                    let items = self.items(Some(b']'))?;
                    let made = object::new_block_of(statics().list, size_of::<c::PyListObject>());
                    if !list::reserve(made, items.len()) {
                        return Err(self.vm.no_memory_error());
                    }
                    for item in items {
                        let pushed = list::push(made, item);
                        debug_assert!(pushed, "there is room");
                    }
                    made
                }
                b'{' => {
                    let items = self.items(Some(b'}'))?;
                    let made = dictobject::PyDict_New();
                    let mut failed = items.len() % 2 != 0;
                    for pair in items.chunks_exact(2) {
                        failed |=
                            dictobject::PyDict_SetItem(Borrowed(made.0), Borrowed(pair[0]), Borrowed(pair[1])) != 0;
                    }
                    drop_all(items);
                    if failed {
                        dealloc::decref(made.0);
                        return Err(error::fetch(self.vm, "Py_BuildValue"));
                    }
                    made.0
                }
                b'b' | b'B' | b'h' | b'i' => crate::twins::forms::long::from_i64(i64::from(self.va.next::<c_int>())),
                b'H' => crate::twins::forms::long::from_i64(i64::from(self.va.next::<c_int>() as u16)),
                b'I' => crate::twins::forms::long::from_i64(i64::from(self.va.next::<u32>())),
                b'n' | b'l' | b'L' => crate::twins::forms::long::from_i64(self.va.next::<i64>()),
                b'k' | b'K' => longobject::PyLong_FromUnsignedLong(self.va.next::<u64>()).0,
                b'p' => {
                    Borrowed(static_block(if self.va.next::<c_int>() != 0 {
                        "_Py_TrueStruct"
                    } else {
                        "_Py_FalseStruct"
                    }))
                    .again()
                    .0
                }
                b'd' | b'f' => floatobject::PyFloat_FromDouble(self.va.next_double()).0,
                b'D' => {
                    let value = *self.va.pointer::<c::Py_complex>();
                    let made =
                        object::new_block_of(data_address("PyComplex_Type").cast(), size_of::<c::PyComplexObject>());
                    (*made.cast::<c::PyComplexObject>()).cval = value;
                    made
                }
                b'c' => {
                    let byte = self.va.next::<c_int>() as u8;
                    bytes::new_block(&[byte], statics().bytes)
                }
                b'C' => unicodeobject::PyUnicode_FromOrdinal(self.va.next::<c_int>()).0,
                b's' | b'z' | b'U' | b'y' => {
                    let text = self.va.pointer::<c_char>();
                    let size = if self.follows(b'#') { Some(self.va.next::<isize>()) } else { None };
                    if text.is_null() {
                        return Ok(self.none());
                    }
                    let size =
                        size.filter(|size| *size >= 0).unwrap_or_else(|| CStr::from_ptr(text).count_bytes() as isize);
                    if letter == b'y' {
                        super::bytesobject::PyBytes_FromStringAndSize(text, size).0
                    } else {
                        unicodeobject::PyUnicode_FromStringAndSize(text, size).0
                    }
                }
                b'u' => {
                    let text = self.va.pointer::<u32>();
                    let size = if self.follows(b'#') { Some(self.va.next::<isize>()) } else { None };
                    if text.is_null() {
                        return Ok(self.none());
                    }
                    let size = size
                        .filter(|size| *size >= 0)
                        .unwrap_or_else(|| (0..).take_while(|index| *text.add(*index) != 0).count() as isize);
                    unicodeobject::PyUnicode_FromKindAndData(4, text.cast(), size).0
                }
                b'N' | b'S' | b'O' => {
                    if self.follows(b'&') {
                        let convert = self.va.next::<unsafe extern "C" fn(*mut c_void) -> Block>();
                        let from = self.va.pointer::<c_void>();
                        return Ok(convert(from));
                    }
                    let object = self.va.pointer::<c::PyObject>();
                    if object.is_null() {
                        if error::occurred().is_null() {
                            return Err(self.vm.new_system_error("NULL object passed to Py_BuildValue"));
                        }
                        return Ok(object);
                    }
                    if letter != b'N' {
                        handle::incref(object);
                    }
                    object
                }
                _ => return Err(self.vm.new_system_error("bad format char passed to Py_BuildValue")),
            })
        }
    }

    fn none(&self) -> Block {
        Borrowed(static_block("_Py_NoneStruct")).again().0
    }
}

fn drop_all(items: Vec<Block>) {
    for item in items {
        // SAFETY: references of ours.
        unsafe { dealloc::decref(item) };
    }
}

/// Builds a value from a format.
pub unsafe extern "C" fn Py_BuildValue(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe { build_value(vm, format, &mut *va) })
}

/// [`Py_BuildValue`].
pub unsafe extern "C" fn _Py_BuildValue_SizeT(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { Py_BuildValue(format, va) }
}

/// [`Py_BuildValue`] with a `va_list`.
pub unsafe extern "C" fn Py_VaBuildValue(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { Py_BuildValue(format, va) }
}

/// [`Py_VaBuildValue`].
pub unsafe extern "C" fn _Py_VaBuildValue_SizeT(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { Py_BuildValue(format, va) }
}

/// Adds an object to a module. 0, or -1 with an exception.
pub unsafe extern "C" fn PyModule_AddObjectRef(module: Borrowed, name: *const c_char, value: Borrowed) -> c_int {
    api(|vm| {
        if value.is_null() {
            return Err(error::take(vm).unwrap_or_else(|| {
                vm.new_system_error("PyModule_AddObjectRef() must be called with an exception raised if value is NULL")
            }));
        }
        let Ok(module) = module.get(vm)?.downcast::<rustpython_vm::builtins::PyModule>() else {
            return Err(vm.new_type_error("PyModule_AddObjectRef() first argument must be a module"));
        };
        // SAFETY: C's argument.
        let name = unsafe { text::of_c(name) };
        let value = value.get(vm)?;
        leave(vm, || module.dict().set_item(name.as_str(), value, vm))?;
        Ok(0)
    })
}

/// [`PyModule_AddObjectRef`] that takes over the reference if it succeeds.
pub unsafe extern "C" fn PyModule_AddObject(module: Borrowed, name: *const c_char, value: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        let result = PyModule_AddObjectRef(module, name, value);
        if result == 0 {
            dealloc::decref(value.0);
        }
        result
    }
}

/// [`PyModule_AddObjectRef`] that takes over the reference in any case.
pub unsafe extern "C" fn PyModule_Add(module: Borrowed, name: *const c_char, value: Stolen) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyModule_AddObjectRef(module, name, Borrowed(value.block())) }
}

/// Adds an int to a module. 0, or -1 with an exception.
pub unsafe extern "C" fn PyModule_AddIntConstant(module: Borrowed, name: *const c_char, value: c_long) -> c_int {
    let value = New(crate::twins::forms::long::from_i64(value));
    // SAFETY: C's arguments; the reference is ours.
    unsafe {
        let result = PyModule_AddObjectRef(module, name, Borrowed(value.0));
        dealloc::decref(value.0);
        result
    }
}

/// Adds a str to a module. 0, or -1 with an exception.
pub unsafe extern "C" fn PyModule_AddStringConstant(
    module: Borrowed,
    name: *const c_char,
    value: *const c_char,
) -> c_int {
    // SAFETY: C's arguments; the reference is ours.
    unsafe {
        let value = unicodeobject::PyUnicode_FromString(value);
        let result = PyModule_AddObjectRef(module, name, Borrowed(value.0));
        dealloc::xdecref(value.0);
        result
    }
}

/// Finishes a type and adds it to a module under its own name. 0, or -1 with an exception.
pub unsafe extern "C" fn PyModule_AddType(module: Borrowed, class: *mut c::PyTypeObject) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        if super::typeobject::PyType_Ready(class) < 0 {
            return -1;
        }
        let name = text::short_name((*class).tp_name);
        let Some(name) = text::c_string(&name) else { return -1 };
        PyModule_AddObjectRef(module, name.as_ptr(), Borrowed(class.cast()))
    }
}

/// Adds a table's functions to a module. 0, or -1 with an exception.
pub unsafe extern "C" fn PyModule_AddFunctions(module: Borrowed, methods: *mut c::PyMethodDef) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let name = leave_with(vm, module.get(vm)?, |it| it.get_attr("__name__", vm)?.try_into_value(vm))?;
        crate::twins::forms::module::add_functions(vm, module.0, &name, methods)?;
        Ok(0)
    })
}

/// Sets a module's documentation. 0, or -1 with an exception.
pub unsafe extern "C" fn PyModule_SetDocString(module: Borrowed, doc: *const c_char) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe { leave_with(vm, module.get(vm)?, |it| it.set_attr("__doc__", vm.ctx.new_str(text::of_c(doc)), vm)) }
            .map(|()| 0)
    })
}
