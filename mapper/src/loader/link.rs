//! Loads the stub and fills it: function addresses, `PyExc_*` pointers, static types and singletons.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use rustpython_vm::builtins::PyTypeRef;
use rustpython_vm::function::FuncArgs;
use rustpython_vm::vm::thread::with_current_vm;
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::address::{self, data_address};
use crate::abi::statics::{self, statics};
use crate::abi::{layout as c, platform};
use crate::heap::block::Block;
use crate::heap::kind::Kind;
use crate::lifetime::thread::leave;
use crate::lifetime::{check, handle};
use crate::loader::symbols;
use crate::slots::{change, docs, fill, hashing};
use crate::twins::forms::{bytearray, capsule, long};
use crate::twins::types;

/// The loaded stub. Kept for ever: extension modules point into it.
static STUB: OnceLock<libloading::os::unix::Library> = OnceLock::new();

/// Why the bridge could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The stub library could not be loaded.
    #[error("the stub library could not be loaded: {0}")]
    Load(#[from] std::io::Error),
    /// The stub library has no initialiser, or it ran before.
    #[error("the stub library could not be initialised: {0}")]
    Init(String),
}

/// Loads the stub and fills it in. Called once, with the C lock held.
pub(crate) fn link(vm: &VirtualMachine) -> Result<(), LinkError> {
    let library = platform::load_image(rustclad_stub::SONAME, rustclad_stub::IMAGE)?;
    for symbol in rustclad_stub::SYMBOLS.iter().filter(|symbol| symbol.kind != rustclad_stub::Kind::Function) {
        address::note_data(symbol.name);
    }
    // SAFETY: the symbol has this type (see the stub).
    let init = unsafe { library.get::<rustclad_stub::Init>(rustclad_stub::INIT_SYMBOL) }
        .map_err(|error| LinkError::Init(error.to_string()))?;
    statics::fill();
    fill_types(vm);
    // SAFETY: both functions answer for every name; no C code has run yet.
    let again = unsafe { init(address_of, set_data) };
    if again != 0 {
        return Err(LinkError::Init("it was initialised before".to_owned()));
    }
    let _ = STUB.set(library);
    long::prepare(vm);
    fill::prepare();
    change::install(vm);
    bytearray::prepare(vm);
    crate::twins::forms::set::prepare(vm);
    vm.ctx.types.capsule_type.slots.repr.store(Some(capsule::repr));
    Ok(())
}

/// `tp_new` of `reversed`, which is a function in the VM, and a type for C.
fn reversed(_: PyTypeRef, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    vm.builtins.get_attr("reversed", vm)?.call(args, vm)
}

/// Ties and fills the static types. All are tied before any is filled, for they refer to each other.
fn fill_types(vm: &VirtualMachine) {
    vm.ctx.types.reverse_iter_type.slots.new.store(Some(reversed));
    let types = types::static_types(vm);
    for (name, class, kind) in &types {
        let block: *mut c::PyTypeObject = data_address(name).cast();
        // SAFETY: the stub's data of a type's size.
        unsafe {
            (*block).ob_base.ob_base.ob_refcnt = handle::IMMORTAL;
            (*block).ob_base.ob_base.ob_type = statics().type_;
            kind.set(block);
        }
        if handle::block_of(class.as_object()).is_none() {
            handle::tie_foreign(block.cast(), class.clone().into());
        }
    }
    // A base comes before the types derived from it.
    for (name, class, kind) in types {
        // SAFETY: as above.
        unsafe { types::fill(vm, data_address(name).cast(), &class, Some(kind)) };
    }
    docs::install(vm);
    hashing::install(vm);
    docs::show_sizes(vm);
}

unsafe fn name_of(name: *const u8, length: usize) -> &'static str {
    // SAFETY: the stub passes its own string literals.
    unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(name, length)) }
}

/// The stub's address getter.
unsafe extern "C" fn address_of(name: *const u8, length: usize) -> *const c_void {
    // SAFETY: called by the stub.
    let name = unsafe { name_of(name, length) };
    if let Some(exception) = name.strip_prefix("PyExc_") {
        return with_current_vm(|vm| exception_type(vm, exception));
    }
    if let Some(function) = symbols::implementation(name) {
        return match symbols::known(name) {
            Some(symbol) if check::is_on() => check::wrapper(symbol, function),
            _ => function,
        };
    }
    symbols::thunk(symbols::known(name).expect("the stub is made from the same table"))
}

/// The block of a builtin exception type.
fn exception_type(vm: &VirtualMachine, name: &str) -> *const c_void {
    // Aliases of OSError that the C API still exports.
    let name = if matches!(name, "EnvironmentError" | "IOError") { "OSError" } else { name };
    // Not as an attribute: the module's message about one that it lacks is Python code.
    let of_builtins = || vm.builtins.dict().get_item_opt(name, vm).ok().flatten();
    let found = leave(vm, || of_builtins().or_else(|| of_interpreters(vm, name)));
    found
        .and_then(|class| class.downcast::<rustpython_vm::builtins::PyType>().ok())
        .map_or(std::ptr::null(), |class| types::type_block(vm, &class).cast_const().cast())
}

/// An exception of the VM's own module of interpreters, which need not be the one that is imported.
fn of_interpreters(vm: &VirtualMachine, name: &str) -> Option<PyObjectRef> {
    let fill = vm.state.module_defs.get("_interpreters")?.slots.exec?;
    let module = vm.new_module("_interpreters", vm.ctx.new_dict(), None);
    fill(vm, &module).ok()?;
    module.dict().get_item_opt(name, vm).ok().flatten()
}

/// The stub's data setter: what is not a type.
unsafe extern "C" fn set_data(name: *const u8, length: usize, address: *mut c_void, size: usize) {
    // SAFETY: called by the stub.
    let name = unsafe { name_of(name, length) };
    with_current_vm(|vm| {
        // SAFETY: the stub's data of `size` bytes.
        unsafe { fill_datum(vm, name, address, size) };
    });
}

unsafe fn fill_datum(vm: &VirtualMachine, name: &str, address: *mut c_void, size: usize) {
    // SAFETY: by the caller's contract; sizes are the table's.
    unsafe {
        match name {
            "_Py_NoneStruct" => singleton(vm, address, vm.ctx.none()),
            "_Py_EllipsisObject" => singleton(vm, address, vm.ctx.ellipsis.clone().into()),
            "_Py_NotImplementedStruct" => singleton(vm, address, vm.ctx.not_implemented()),
            "_Py_TrueStruct" => boolean(vm, address, true),
            "_Py_FalseStruct" => boolean(vm, address, false),
            "Py_Version" => address.cast::<usize>().write(0x030E_00F0),
            "PY_TIMEOUT_MAX" => address.cast::<i64>().write(i64::MAX / 1000),
            "Py_hexdigits" => address.cast::<*const u8>().write(c"0123456789abcdef".as_ptr().cast()),
            "Py_FileSystemDefaultEncoding" => address.cast::<*const u8>().write(c"utf-8".as_ptr().cast()),
            "Py_FileSystemDefaultEncodeErrors" => {
                address.cast::<*const u8>().write(c"surrogateescape".as_ptr().cast());
            }
            "PyStructSequence_UnnamedField" => {
                address.cast::<*const u8>().write(crate::capi::structseq::UNNAMED.as_ptr().cast());
            }
            "Py_HasFileSystemDefaultEncoding" | "Py_UTF8Mode" => address.cast::<c_int>().write(1),
            "_Py_ctype_table" => ctype_table(address.cast()),
            "_Py_ctype_tolower" => fill_bytes(address.cast(), |byte| byte.to_ascii_lowercase()),
            "_Py_ctype_toupper" => fill_bytes(address.cast(), |byte| byte.to_ascii_uppercase()),
            "_PyLong_DigitValue" => {
                fill_bytes(address.cast(), |byte| char::from(byte).to_digit(36).map_or(37, |digit| digit as u8))
            }
            "_Py_ascii_whitespace" => {
                for byte in 0..size.min(128) {
                    let space = matches!(byte, 9..=13 | 28..=32);
                    address.cast::<u8>().add(byte).write(u8::from(space));
                }
            }
            "_Py_SwappedOp" => address.cast::<[c_int; 6]>().write([4, 5, 2, 3, 0, 1]),
            _ => {}
        }
    }
}

unsafe fn fill_bytes(table: *mut u8, value: impl Fn(u8) -> u8) {
    for byte in 0..=u8::MAX {
        // SAFETY: tables of 256 bytes.
        unsafe { table.add(byte.into()).write(value(byte)) };
    }
}

/// `_Py_ctype_table`: one word of bits for each byte (`cpython/pyctype.h`).
unsafe fn ctype_table(table: *mut u32) {
    for byte in 0..=u8::MAX {
        let bits = u32::from(byte.is_ascii_lowercase())
            | u32::from(byte.is_ascii_uppercase()) << 1
            | u32::from(byte.is_ascii_digit()) << 2
            | u32::from(byte.is_ascii_hexdigit()) << 3
            | u32::from(matches!(byte, 9..=13 | b' ')) << 4;
        // SAFETY: 256 words.
        unsafe { table.add(byte.into()).write(bits) };
    }
}

unsafe fn singleton(vm: &VirtualMachine, address: *mut c_void, object: PyObjectRef) {
    let block: Block = address.cast();
    // SAFETY: the stub's data of an object's size.
    unsafe {
        (*block).ob_refcnt = handle::IMMORTAL;
        (*block).ob_type = types::type_block(vm, object.class());
    }
    handle::tie_foreign(block, object);
}

unsafe fn boolean(vm: &VirtualMachine, address: *mut c_void, value: bool) {
    // SAFETY: the stub's data of an int's size.
    unsafe {
        singleton(vm, address, vm.ctx.new_bool(value).into());
        let long = &mut *address.cast::<c::PyLongObject>();
        long.long_value.lv_tag = if value { 1 << 3 } else { 1 };
        long.long_value.ob_digit[0] = u32::from(value);
    }
    // SAFETY: it was filled just now.
    debug_assert_eq!(unsafe { Kind::of(address.cast()) }, Kind::Long);
}
