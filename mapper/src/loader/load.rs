//! Loads extension modules: looks at the file before the dynamic loader does, finds the init function and runs it by
//! single-phase (PEP 3121's `PyModule_Create`) or multi-phase rules (PEP 489).

use std::ffi::c_void;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use goblin::elf::header::{ET_DYN, Header as ElfHeader, SIZEOF_IDENT};
use rustc_hash::FxHashMap;
use rustpython_vm::builtins::{PyModule, PyStrRef};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::address::data_address;
use crate::abi::layout as c;
use crate::abi::platform;
use crate::heap::block::Block;
use crate::lifetime::dealloc;
use crate::lifetime::thread::leave;
use crate::lifetime::{handle, thread};
use crate::twins::forms::module;
use crate::twins::reference::Borrowed;
use crate::twins::{error, retrieve, store};

/// Why a file cannot be loaded as an extension module. The message names the reason; the path goes in front.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{0}")]
    Read(String),
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// It is no ELF file.
    #[error("not a shared library: the file does not start with an ELF header")]
    NotElf,
    /// It ends before its headers or segments do.
    #[error("the shared library is truncated: {0}")]
    Truncated(String),
    /// It was made for another word size or machine.
    #[error("the shared library is for another machine ({0}); this one needs {machine}", machine = platform::MACHINE)]
    Machine(String),
    /// An executable or object file.
    #[error("not a shared library: the ELF file is of another type ({0})")]
    NotShared(String),
    /// Its name says that it was made for another Python.
    #[error("it was built for another Python ({0}); Rustclad loads cpython-314 and abi3 modules")]
    Tag(String),
    /// The dynamic loader refused it.
    #[error("{0}")]
    Open(String),
    /// The init function failed.
    #[error("its init function failed: {0}")]
    Init(String),
    /// No init function.
    #[error("dynamic module does not define module export function ({0})")]
    NoInit(String),
}

/// Loads the extension module `name` from `path`; multi-phase modules are created, but not executed.
///
/// # Errors
/// `ImportError` with path and reason, or what the module's init function raised.
pub(crate) fn create(vm: &VirtualMachine, name: &str, path: &str, spec: &PyObjectRef) -> PyResult {
    if let Some(module) = reimport(vm, name, path)? {
        return Ok(module);
    }
    let symbol = init_symbol(vm, name)?;
    // Constructors run while a library is loaded, and may use the API as any C code.
    let section = thread::enter(vm);
    let init = find_init(symbol, path).map_err(|reason| import_error(vm, name, path, &reason))?;
    let result = run_init(vm, name, path, spec, init);
    drop(section);
    result
}

fn import_error(
    vm: &VirtualMachine,
    name: &str,
    path: &str,
    reason: &LoadError,
) -> rustpython_vm::builtins::PyBaseExceptionRef {
    let error = vm.new_import_error(format!("{path}: {reason}"), vm.ctx.new_str(name));
    let _ = leave(vm, || error.as_object().set_attr("path", vm.ctx.new_str(path), vm));
    error
}

/// The `ImportError` for an init function that failed: it names the path, and has what was raised as its cause. It is
/// of that exception's class, too, where both can be combined: CPython lets the exception itself through, and callers
/// may wait for it.
fn init_error(
    vm: &VirtualMachine,
    name: &str,
    path: &str,
    cause: rustpython_vm::builtins::PyBaseExceptionRef,
) -> rustpython_vm::builtins::PyBaseExceptionRef {
    if cause.fast_isinstance(vm.ctx.exceptions.import_error) {
        return cause;
    }
    let text = leave(vm, || cause.as_object().str(vm))
        .map_or_else(|_| String::new(), |text| text.to_string_lossy().into_owned());
    let reason = LoadError::Init(format!("{}: {text}", cause.class().name()));
    let error = import_error(vm, name, path, &reason);
    let error = both(vm, &error, cause.class()).unwrap_or(error);
    error::chain(&error, cause);
    error
}

/// The same `ImportError` as one of another class, too; None if the two have no common layout.
fn both(
    vm: &VirtualMachine,
    error: &rustpython_vm::builtins::PyBaseExceptionRef,
    other: &rustpython_vm::Py<rustpython_vm::builtins::PyType>,
) -> Option<rustpython_vm::builtins::PyBaseExceptionRef> {
    use rustpython_vm::builtins::PyType;
    let bases = vec![error.class().to_owned(), other.to_owned()];
    let metaclass = vm.ctx.types.type_type.to_owned();
    let class =
        PyType::new_heap("ImportError", bases, Default::default(), Default::default(), metaclass, &vm.ctx).ok()?;
    class.set_attr(vm.ctx.intern_str("__module__"), vm.ctx.new_str("builtins").into());
    let made = leave(vm, || vm.invoke_exception(&class, error.args().as_slice().to_vec())).ok()?;
    for attribute in ["name", "path"] {
        let value = leave(vm, || error.as_object().get_attr(attribute, vm)).ok()?;
        leave(vm, || made.as_object().set_attr(attribute, value, vm)).ok()?;
    }
    Some(made)
}

/// Looks at the file and loads it; returns its init function.
fn find_init(symbol: String, path: &str) -> Result<c::ModuleInit, LoadError> {
    check_tag(path)?;
    check_file(path)?;
    let flags = platform::DLOPEN_FLAGS.load(Ordering::Relaxed);
    let library = platform::load(path, flags).map_err(|error| LoadError::Open(open_message(path, &error)))?;
    // SAFETY: an init function has this type.
    let init = unsafe { library.get::<c::ModuleInit>(symbol.as_bytes()) }.map(|symbol| *symbol);
    std::mem::forget(library); // C code is never unloaded: nobody knows who still points into it
    init.map_err(|_| LoadError::NoInit(symbol))
}

/// The dynamic loader's words without the path, which is in front already.
fn open_message(path: &str, error: &libloading::Error) -> String {
    let text = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    text.strip_prefix(path).map_or(text.as_str(), |rest| rest.trim_start_matches(": ")).to_owned()
}

/// `PyInit_` and the last part of the name; `PyInitU_` and punycode if that is not ASCII (PEP 489).
fn init_symbol(vm: &VirtualMachine, name: &str) -> PyResult<String> {
    let last = name.rsplit('.').next().unwrap_or(name);
    if last.is_ascii() {
        return Ok(format!("PyInit_{last}"));
    }
    let encoded = leave(vm, || vm.call_method(vm.ctx.new_str(last).as_object(), "encode", ("punycode",)))?;
    let encoded: rustpython_vm::builtins::PyBytesRef = leave(vm, || encoded.try_into_value(vm))?;
    Ok(format!("PyInitU_{}", String::from_utf8_lossy(encoded.as_bytes()).replace('-', "_")))
}

/// Refuses a file whose name has another Python's ABI tag.
fn check_tag(path: &str) -> Result<(), LoadError> {
    let file = Path::new(path).file_name().and_then(|file| file.to_str()).unwrap_or("");
    let Some(stem) = file.strip_suffix(".so") else { return Ok(()) };
    let Some((_, tag)) = stem.rsplit_once('.') else { return Ok(()) };
    let tagged = ["cpython-", "pypy", "graalpy", "cp3"].iter().any(|prefix| tag.starts_with(prefix));
    let foreign = tagged && format!(".{tag}.so") != platform::EXTENSION_SUFFIXES[0];
    if foreign { Err(LoadError::Tag(tag.to_owned())) } else { Ok(()) }
}

/// Checks what the dynamic loader would report in its own way, or die of: type, machine, segments beyond the end.
fn check_file(path: &str) -> Result<(), LoadError> {
    let bytes = fs::read(path).map_err(|error| LoadError::Read(error.to_string()))?;
    if bytes.is_empty() {
        return Err(LoadError::Empty);
    }
    if !bytes.starts_with(b"\x7fELF") {
        return Err(LoadError::NotElf);
    }
    if bytes.len() < SIZEOF_IDENT {
        return Err(LoadError::Truncated("the header is incomplete".to_owned()));
    }
    if bytes[4] != 2 || bytes[5] != 1 {
        return Err(LoadError::Machine(format!("{} bits", if bytes[4] == 1 { "32" } else { "big-endian 64" })));
    }
    let header = goblin::elf::Elf::parse_header(&bytes)
        .map_err(|_| LoadError::Truncated("the header is incomplete".to_owned()))?;
    if header.e_machine != platform::ELF_MACHINE {
        return Err(LoadError::Machine(goblin::elf::header::machine_to_str(header.e_machine).to_owned()));
    }
    if header.e_type != ET_DYN {
        return Err(LoadError::NotShared(goblin::elf::header::et_to_str(header.e_type).to_owned()));
    }
    // The loader does not read the section headers, but they are the end of a file: without them it was cut off.
    let end = header.e_shoff + u64::from(header.e_shnum) * u64::from(header.e_shentsize);
    if end > bytes.len() as u64 {
        return Err(LoadError::Truncated(format!("its sections end at byte {end}, the file has {}", bytes.len())));
    }
    check_segments(&bytes, &header)
}

fn check_segments(bytes: &[u8], header: &ElfHeader) -> Result<(), LoadError> {
    let context = goblin::container::Ctx::new(goblin::container::Container::Big, goblin::container::Endian::Little);
    let segments = goblin::elf::ProgramHeader::parse(bytes, header.e_phoff as usize, header.e_phnum.into(), context)
        .map_err(|_| LoadError::Truncated("the program headers are incomplete".to_owned()))?;
    for segment in segments {
        let end = segment.p_offset.saturating_add(segment.p_filesz);
        if end > bytes.len() as u64 {
            return Err(LoadError::Truncated(format!("a segment ends at byte {end}, the file has {}", bytes.len())));
        }
    }
    Ok(())
}

/// Modules of single-phase initialisation, by name and path: a second import gives what the first one made.
struct Known {
    /// With `m_size` -1, what the first one's dict had.
    dict: Option<PyObjectRef>,
    interpreter: i64,
    init: usize,
    def: usize,
}

fn known() -> &'static mut FxHashMap<(String, String), Known> {
    struct Shared(std::cell::UnsafeCell<Option<FxHashMap<(String, String), Known>>>);
    // SAFETY: only touched with the C lock held.
    unsafe impl Sync for Shared {}
    static KNOWN: Shared = Shared(std::cell::UnsafeCell::new(None));
    // SAFETY: as above.
    unsafe { (*KNOWN.0.get()).get_or_insert_default() }
}

/// Forgets the dicts of an interpreter's modules: dropping the result gives them up.
pub(crate) fn forget(vm: &VirtualMachine) -> Vec<PyObjectRef> {
    let ours = known().values_mut().filter(|known| known.interpreter == vm.state.interpreter_id);
    ours.filter_map(|known| known.dict.take()).collect()
}

/// What a repeated import of a single-phase module gives (CPython's `import_find_extension`): with `m_size` -1 a
/// module with the first one's dict, otherwise the init function runs again.
fn reimport(vm: &VirtualMachine, name: &str, path: &str) -> PyResult<Option<PyObjectRef>> {
    let section = thread::enter(vm);
    let Some((dict, init, def)) = known()
        .get(&(name.to_owned(), path.to_owned()))
        .map(|known| (known.dict.clone(), known.init, known.def as *mut c::PyModuleDef))
    else {
        return Ok(None);
    };
    crate::twins::phases::needs_main(vm, name)?;
    // SAFETY: definitions of loaded modules live for ever.
    let size = if def.is_null() { -1 } else { unsafe { (*def).m_size } };
    if size >= 0 {
        // SAFETY: the address of an init function that ran before.
        let init = unsafe { std::mem::transmute::<usize, c::ModuleInit>(init) };
        // SAFETY: as above; code of modules stays loaded.
        let module = single_phase(vm, name, path, unsafe { call_init(vm, name, init)? }, init, false)?;
        drop(section);
        return Ok(Some(module));
    }
    // The interpreter that loaded it first has ended.
    let Some(dict) = dict else { return Ok(None) };
    let modules = leave(vm, || vm.sys_module.get_attr("modules", vm))?;
    let twin = match leave(vm, || modules.get_item(name, vm)) {
        Ok(module) if module.downcastable::<PyModule>() => module,
        _ => module::new_with_definition(vm, name, def)?,
    };
    let target = leave(vm, || twin.get_attr("__dict__", vm))?;
    leave(vm, || vm.call_method(&target, "update", (dict,)).map(drop))?;
    leave(vm, || modules.set_item(name, twin.clone(), vm))?;
    if !def.is_null() {
        // SAFETY: a live object; the table takes a reference of its own.
        unsafe {
            let block = store::store(vm, &twin);
            crate::twins::state::add(vm, block, def);
            dealloc::decref(block);
        }
    }
    drop(section);
    Ok(Some(twin))
}

/// Calls an init function and checks that it kept the rules.
///
/// # Safety
/// `init` is one.
unsafe fn call_init(vm: &VirtualMachine, name: &str, init: c::ModuleInit) -> PyResult<Block> {
    // SAFETY: by contract.
    let made = crate::capi::moduleobject::with_package_context(name, || unsafe { init() });
    if made.is_null() {
        return Err(error::take(vm).unwrap_or_else(|| {
            vm.new_system_error(format!("initialization of {name} failed without raising an exception"))
        }));
    }
    if let Some(cause) = error::take(vm) {
        let wrong = vm.new_system_error(format!("initialization of {name} raised unreported exception"));
        error::chain(&wrong, cause);
        return Err(wrong);
    }
    // SAFETY: a live object or an uninitialised definition.
    if unsafe { (*made).ob_type.is_null() } {
        return Err(vm.new_system_error(format!("init function of {name} returned uninitialized object")));
    }
    Ok(made)
}

fn run_init(vm: &VirtualMachine, name: &str, path: &str, spec: &PyObjectRef, init: c::ModuleInit) -> PyResult {
    // SAFETY: `find_init` found it.
    let made = unsafe { call_init(vm, name, init) }.map_err(|cause| init_error(vm, name, path, cause))?;
    // SAFETY: `call_init` gave an object.
    unsafe {
        if (*made).ob_type == data_address("PyModuleDef_Type").cast() {
            let spec_block = store::store(vm, spec);
            let module = crate::twins::phases::from_definition(vm, made.cast(), Borrowed(spec_block));
            dealloc::decref(spec_block);
            return retrieve::take(vm, module?);
        }
        single_phase(vm, name, path, made, init, true)
    }
}

/// Finishes a module that its init function made.
fn single_phase(
    vm: &VirtualMachine,
    name: &str,
    path: &str,
    made: Block,
    init: c::ModuleInit,
    remember: bool,
) -> PyResult {
    // SAFETY: `made` is a reference of ours.
    unsafe {
        crate::twins::phases::needs_main(vm, name).inspect_err(|_| dealloc::decref(made))?;
        let def = module::definition(made);
        let module = retrieve::retrieve(vm, made)?;
        if !module.downcastable::<PyModule>() {
            dealloc::decref(made);
            return Err(vm.new_system_error(format!("initialization of {name} did not return an extension module")));
        }
        leave(vm, || module.set_attr("__file__", vm.ctx.new_str(path), vm))?;
        if !def.is_null() {
            (*def).m_base.m_init = Some(init);
            crate::twins::state::add(vm, made, def);
        }
        leave(vm, || vm.sys_module.get_attr("modules", vm)?.set_item(name, module.clone(), vm))?;
        if remember {
            let shared = def.is_null() || (*def).m_size < 0;
            let copy = || leave(vm, || vm.call_method(module.get_attr("__dict__", vm)?.as_object(), "copy", ()));
            let entry = Known {
                dict: shared.then(copy).transpose()?,
                interpreter: vm.state.interpreter_id,
                init: init as *const c_void as usize,
                def: def as usize,
            };
            known().insert((name.to_owned(), path.to_owned()), entry);
        }
        dealloc::decref(made);
        Ok(module)
    }
}

/// Runs the execution slots of a multi-phase module, once.
///
/// # Errors
/// What a slot raised.
pub(crate) fn exec(vm: &VirtualMachine, module: &PyObjectRef) -> PyResult<()> {
    let section = thread::enter(vm);
    let result = (|| {
        let Some(block) = handle::block_of(module) else { return Ok(()) };
        // SAFETY: a tied block is live.
        unsafe {
            let def = module::definition(block);
            if def.is_null() || (*def).m_slots.is_null() {
                return Ok(());
            }
            // Executed before: `importlib.reload` changes nothing.
            if !(*block.cast::<c::ModuleBlock>()).md_state.is_null() {
                return Ok(());
            }
            handle::hold(block, module);
            let result = crate::twins::phases::execute(vm, block, def);
            dealloc::decref(block);
            result
        }
    })();
    drop(section);
    result
}

/// The name of a module spec as text.
pub(crate) fn spec_text(vm: &VirtualMachine, spec: &PyObjectRef, attribute: &'static str) -> PyResult<String> {
    let value: PyStrRef = leave(vm, || spec.get_attr(attribute, vm)?.try_into_value(vm))?;
    Ok(value.to_string_lossy().into_owned())
}
