//! The import system's way to extension modules: our functions in `_imp`, so that importlib's own
//! `ExtensionFileLoader` finds and loads them, and the small module `_rustclad`.

use std::ffi::CStr;
use std::path::Path;

use rustpython_vm::builtins::{PyListRef, PyModuleDef, PyModuleSlots, PyTuple, PyUtf8StrRef};
use rustpython_vm::common::rc::PyRc;
use rustpython_vm::function::{FuncArgs, PosArgs};
use rustpython_vm::gc_state::CollectResult;
use rustpython_vm::{PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::platform::EXTENSION_SUFFIXES;
use crate::gaps::builtin_module::{function, replace};
use crate::lifetime::{collect, dealloc, thread};
use crate::loader::{load, setup, symbols};
use crate::twins::cycles::referents;

/// Modules that CPython 3.14 ships as shared libraries and RustPython as native ones: a library on the path wins, as
/// it does in CPython. Not those of interpreters, which work on the insides of CPython's own.
const EXTENSIONS: &[&str] = &[
    "_asyncio",
    "_bisect",
    "_blake2",
    "_bz2",
    "_codecs_cn",
    "_codecs_hk",
    "_codecs_iso2022",
    "_codecs_jp",
    "_codecs_kr",
    "_codecs_tw",
    "_contextvars",
    "_csv",
    "_ctypes",
    "_ctypes_test",
    "_curses",
    "_curses_panel",
    "_dbm",
    "_decimal",
    "_elementtree",
    "_gdbm",
    "_hashlib",
    "_heapq",
    "_hmac",
    "_json",
    "_lsprof",
    "_lzma",
    "_md5",
    "_multibytecodec",
    "_multiprocessing",
    "_opcode",
    "_pickle",
    "_posixshmem",
    "_posixsubprocess",
    "_queue",
    "_random",
    "_remote_debugging",
    "_sha1",
    "_sha2",
    "_sha3",
    "_socket",
    "_sqlite3",
    "_ssl",
    "_statistics",
    "_struct",
    "_testbuffer",
    "_testcapi",
    "_testclinic",
    "_testclinic_limited",
    "_testimportmultiple",
    "_testinternalcapi",
    "_testlimitedcapi",
    "_testmultiphase",
    "_testsinglephase",
    "_tkinter",
    "_uuid",
    "_xxtestfuzz",
    "_zoneinfo",
    "_zstd",
    "array",
    "binascii",
    "cmath",
    "fcntl",
    "grp",
    "math",
    "mmap",
    "pyexpat",
    "readline",
    "resource",
    "select",
    "syslog",
    "termios",
    "unicodedata",
    "xxlimited",
    "xxlimited_35",
    "xxsubtype",
    "zlib",
];

/// Adds ours to the VM's builtin modules. To be called from an init hook, before the import system starts.
pub(crate) fn install(vm: &mut VirtualMachine) {
    let own = own_module(vm);
    let importing = [
        function("extension_suffixes", extension_suffixes),
        function("is_builtin", is_builtin),
        function("create_dynamic", create_dynamic),
        function("exec_dynamic", exec_dynamic),
    ];
    let collecting = [
        function("collect", collect_now),
        function("get_referents", get_referents),
        function("is_tracked", |object: PyObjectRef, vm: &VirtualMachine| is_tracked(vm, &object)),
    ];
    replace(vm, "_imp", importing);
    replace(vm, "gc", collecting);
    if let Some(state) = PyRc::get_mut(&mut vm.state) {
        state.module_defs.insert("_rustclad", own);
    }
}

/// `gc.collect`, with C's references taken into account once there is any C code.
fn collect_now(mut args: FuncArgs, vm: &VirtualMachine) -> PyResult<usize> {
    let generation = match args.take_positional_keyword("generation") {
        Some(generation) => generation.try_index(vm)?.try_to_primitive::<i32>(vm)?,
        None => 2,
    };
    let () = args.bind(vm)?;
    let generation = usize::try_from(generation)
        .ok()
        .filter(|it| *it <= 2)
        .ok_or_else(|| vm.new_value_error("invalid generation"))?;
    let callbacks = |phase: &str, result: &CollectResult| -> PyResult<()> {
        let callbacks = vm.state.gc.py_callbacks.borrow_vec().to_vec();
        for callback in callbacks {
            let info = vm.ctx.new_dict();
            info.set_item("generation", vm.ctx.new_int(generation).into(), vm)?;
            info.set_item("collected", vm.ctx.new_int(result.collected).into(), vm)?;
            info.set_item("uncollectable", vm.ctx.new_int(result.uncollectable).into(), vm)?;
            info.set_item("candidates", vm.ctx.new_int(result.candidates).into(), vm)?;
            info.set_item("duration", vm.ctx.new_float(result.duration).into(), vm)?;
            if let Err(error) = callback.call((phase.to_owned(), info), vm) {
                vm.run_unraisable(error, None, callback);
            }
        }
        Ok(())
    };
    callbacks("start", &CollectResult::default())?;
    let gc = &vm.state.gc;
    let result = if setup::is_linked() { collect::collect(vm, generation) } else { gc.collect_force(generation) };
    // What `gc.DEBUG_SAVEALL` kept.
    gc.py_garbage.borrow_vec_mut().extend(gc.garbage.lock().drain(..));
    callbacks("stop", &result)?;
    Ok(result.collected + result.uncollectable)
}

/// `gc.is_tracked`: the VM tracks every tuple, also one of plain values.
fn is_tracked(vm: &VirtualMachine, object: &PyObject) -> bool {
    let tuple = object.downcast_ref_if_exact::<PyTuple>(vm);
    object.is_gc_tracked() && tuple.is_none_or(|tuple| tuple.as_slice().iter().any(|item| is_tracked(vm, item)))
}

/// `gc.get_referents`, with C's references.
fn get_referents(objects: PosArgs, vm: &VirtualMachine) -> PyListRef {
    let linked = setup::is_linked();
    let of = |object: PyObjectRef| {
        if linked { referents(vm, &object) } else { object.gc_get_referents() }
    };
    vm.ctx.new_list(objects.into_iter().flat_map(of).collect())
}

fn extension_suffixes(vm: &VirtualMachine) -> PyListRef {
    vm.ctx.new_list(EXTENSION_SUFFIXES.iter().map(|suffix| vm.ctx.new_str(*suffix).into()).collect())
}

/// 1 if the module is built in and no shared library on the path stands for it.
fn is_builtin(name: PyUtf8StrRef, vm: &VirtualMachine) -> i32 {
    let name = name.as_str();
    let builtin = vm.state.module_defs.contains_key(name);
    i32::from(builtin && !(EXTENSIONS.contains(&name) && has_library(vm, name).unwrap_or(false)))
}

/// Whether a usable shared library for a top-level module lies on `sys.path`. Those that look into CPython's runtime
/// struct are tied to one patch release of CPython and not usable; CPython's own tests of its insides ask it for counters of
/// interpreters only, which are 0.
fn has_library(vm: &VirtualMachine, name: &str) -> PyResult<bool> {
    let path: Vec<PyObjectRef> = vm.sys_module.get_attr("path", vm)?.try_into_value(vm)?;
    for folder in path {
        let Ok(folder) = folder.try_into_value::<PyUtf8StrRef>(vm) else { continue };
        for suffix in EXTENSION_SUFFIXES {
            let file = Path::new(folder.as_str()).join(format!("{name}{suffix}"));
            if file.is_file() {
                return Ok(name == "_testinternalcapi" || !needs_runtime_struct(&file));
            }
        }
    }
    Ok(false)
}

fn needs_runtime_struct(file: &Path) -> bool {
    let Ok(bytes) = std::fs::read(file) else { return false };
    let Ok(elf) = goblin::elf::Elf::parse(&bytes) else { return false };
    elf.dynsyms.iter().any(|symbol| symbol.is_import() && elf.dynstrtab.get_at(symbol.st_name) == Some("_PyRuntime"))
}

fn create_dynamic(args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let Some(spec) = args.args.first() else {
        return Err(vm.new_type_error("create_dynamic expected at least 1 argument, got 0"));
    };
    let name = load::spec_text(vm, spec, "name")?;
    let path = load::spec_text(vm, spec, "origin")?;
    for text in [&name, &path] {
        if CStr::from_bytes_until_nul(text.as_bytes()).is_ok() {
            return Err(vm.new_value_error("embedded null character"));
        }
    }
    setup::ensure_linked(vm)?;
    load::create(vm, &name, &path, spec)
}

fn exec_dynamic(module: PyObjectRef, vm: &VirtualMachine) -> PyResult<i32> {
    load::exec(vm, &module).map(|()| 0)
}

/// `_rustclad`: what the bridge tells about itself.
fn own_module(vm: &VirtualMachine) -> &'static PyModuleDef {
    let methods = vec![function("live_blocks", live_blocks), function("coverage", coverage)];
    Box::leak(Box::new(PyModuleDef {
        name: vm.ctx.intern_str("_rustclad"),
        doc: Some(vm.ctx.intern_str("What Rustclad knows of itself.")),
        methods: methods.leak(),
        slots: PyModuleSlots::default(),
    }))
}

/// The number of blocks that C code could still read, by type name.
fn live_blocks(vm: &VirtualMachine) -> PyResult {
    let section = thread::enter(vm);
    let counts = dealloc::live_blocks();
    drop(section);
    let dict = vm.ctx.new_dict();
    for (name, count) in counts {
        dict.set_item(name.as_str(), vm.ctx.new_int(count).into(), vm)?;
    }
    Ok(dict.into())
}

/// How many of the C API's functions are implemented, and how many there are.
fn coverage(vm: &VirtualMachine) -> PyObjectRef {
    let (done, all) = symbols::coverage();
    vm.ctx.new_tuple(vec![vm.ctx.new_int(done).into(), vm.ctx.new_int(all).into()]).into()
}
