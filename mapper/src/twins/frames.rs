//! Code objects and frames that C code makes, as code generators do to put their functions into tracebacks. The VM makes
//! a frame only by running code: what is made here calls one function, which gives the frame itself.

use rustpython_vm::builtins::{PyCode, PyDictRef};
use rustpython_vm::bytecode::{CO_FAST_LOCAL, CodeFlags};
use rustpython_vm::compiler::Mode;
use rustpython_vm::compiler::core::OneIndexed;
use rustpython_vm::frame::FrameObjectRef;
use rustpython_vm::function::ArgMapping;
use rustpython_vm::scope::Scope;
use rustpython_vm::{PyPayload, PyRef, PyResult, VirtualMachine};

/// The name of that function, found among the locals.
const FRAME: &str = "<frame>";

/// What a code object says of a function.
#[derive(Default)]
pub(crate) struct Signature {
    pub(crate) positional: u32,
    pub(crate) positional_only: u32,
    pub(crate) keyword_only: u32,
    pub(crate) flags: u32,
    pub(crate) names: Vec<String>,
}

/// A new code object that does nothing but show its frame.
///
/// # Errors
/// What the compiler raises.
pub(crate) fn new_code(
    vm: &VirtualMachine,
    file: &str,
    (name, qualified): (&str, &str),
    line: i32,
    signature: Signature,
) -> PyResult<PyRef<PyCode>> {
    let intern = |text: &str| vm.ctx.intern_str(text);
    let template = vm.compile("frame()", Mode::Eval, file).map_err(|error| error.into_pyexception(vm, None))?;
    let mut code = template.code.clone();
    code.names.fill(intern(FRAME));
    (code.obj_name, code.qualname) = (intern(name), intern(qualified));
    let line = usize::try_from(line).unwrap_or(0);
    code.first_line_number = OneIndexed::new(line);
    let place = code.first_line_number.unwrap_or(OneIndexed::MIN);
    for (start, end) in &mut code.locations {
        (start.line, end.line) = (place, place);
    }
    code.linetable = one_line(code.locations.len());
    (code.arg_count, code.posonlyarg_count) = (signature.positional, signature.positional_only);
    code.kwonlyarg_count = signature.keyword_only;
    code.flags = CodeFlags::from_bits_truncate(signature.flags);
    code.localspluskinds = vec![CO_FAST_LOCAL; signature.names.len()].into();
    code.varnames = signature.names.iter().map(|name| intern(name)).collect();
    Ok(PyCode::new(code).into_ref(&vm.ctx))
}

/// A line table for so many instructions of the first line, without columns (CPython's `InternalDocs/code_objects.md`).
fn one_line(instructions: usize) -> Box<[u8]> {
    const NO_COLUMNS: u8 = 0x80 | 13 << 3;
    const MOST: usize = 8;
    let chunks = (0..instructions).step_by(MOST).map(|from| (instructions - from).min(MOST));
    chunks.flat_map(|length| [NO_COLUMNS | (length - 1) as u8, 0]).collect()
}

/// A new frame of a code object. Its `f_code` is that object if [`new_code`] made it for no function in particular, else
/// one of the same name and place.
///
/// # Errors
/// `RecursionError` at the limit.
pub(crate) fn new_frame(vm: &VirtualMachine, code: PyRef<PyCode>, globals: PyDictRef) -> PyResult<FrameObjectRef> {
    let shows = code.code.names.first().is_some_and(|name| name.as_bytes() == FRAME.as_bytes());
    let code = if shows && !code.code.flags.intersects(CodeFlags::OPTIMIZED | CodeFlags::NEWLOCALS) {
        code
    } else {
        let line = code.code.first_line_number.map_or(0, |line| line.get() as i32);
        let text = |name: &rustpython_vm::builtins::PyStr| name.to_string_lossy().into_owned();
        let names = (text(code.code.obj_name), text(code.code.qualname));
        new_code(vm, &text(code.source_path()), (&names.0, &names.1), line, Signature::default())?
    };
    let locals = vm.ctx.new_dict();
    let show = vm.new_function("frame", |vm: &VirtualMachine| vm.current_frame());
    locals.set_item(FRAME, show.into(), vm)?;
    let scope = Scope::with_builtins(Some(ArgMapping::from_dict_exact(locals.clone())), globals, vm);
    let frame = vm.run_code_obj(code, scope)?;
    locals.del_item(FRAME, vm)?;
    frame.downcast().map_err(|_| vm.new_system_error("no frame could be made"))
}
