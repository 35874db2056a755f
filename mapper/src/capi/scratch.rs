//! temporary
use super::prelude::*;
pub unsafe extern "C" fn PyModuleDef_Init(def: Block) -> Block {
    unsafe { (*def).ob_type = crate::symbols::data_address("PyModuleDef_Type").cast(); (*def).ob_refcnt = 1; }
    def
}
pub unsafe extern "C" fn PyUnicode_New(n: isize, max: u32) -> Block {
    unsafe { crate::unicode::new_compact(n as usize, crate::unicode::Width::for_largest(max)).unwrap() }
}
pub unsafe extern "C" fn PyLong_FromLong(n: i64) -> Block { crate::long::from_i64(n) }
pub unsafe extern "C" fn PyLong_FromSsize_t(n: isize) -> Block { crate::long::from_i64(n as i64) }
pub unsafe extern "C" fn PyErr_SetString(e: Borrowed, t: *const c_char) {
    api(|vm| { let e = e.get(vm)?; let m = unsafe { error::text(t) }; let x = leave(vm, || e.call((m,), vm))?; Err::<(), _>(x.downcast().unwrap()) })
}
pub unsafe extern "C" fn PyModule_AddObject(m: Borrowed, n: *const c_char, o: Stolen) -> c_int {
    api(|vm| { let o = o.take(vm)?; m.get(vm)?.set_attr(vm.ctx.intern_str(unsafe { error::text(n) }), o, vm)?; Ok(0) })
}
pub unsafe extern "C" fn _Py_Dealloc(b: Block) { unsafe { lifetime::dealloc(b) } }
pub unsafe extern "C" fn PyFloat_FromDouble(f: f64) -> Block { unsafe { let b = store::new_block(statics().float, 24); (*b.cast::<c::PyFloatObject>()).ob_fval = f; b } }
pub unsafe extern "C" fn PyObject_Free(b: Block) { if !b.is_null() { unsafe { crate::block::free(b) } } }
pub unsafe extern "C" fn PyObject_SelfIter(b: Borrowed) -> New { b.again() }
