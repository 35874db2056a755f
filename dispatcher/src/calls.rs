//! The way of a call: arguments to blocks, the C function by its `METH_` flags, its result back. One closure type per
//! convention, chosen when the function is made, so that a call decides nothing that was known before.

use std::ffi::c_void;
use std::mem::transmute;

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::abi::layout::meth;
use rustclad_mapper::abi::text;
use rustclad_mapper::heap::block::Block;
use rustclad_mapper::heap::kind::Kind;
use rustclad_mapper::lifetime::{check, thread};
use rustclad_mapper::twins::forms::dict;
use rustclad_mapper::twins::forms::function::Arguments;
use rustclad_mapper::twins::forms::tuple;
use rustclad_mapper::twins::passing::Passed;
use rustclad_mapper::twins::{error, store};
use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::common::wtf8::Wtf8;
use rustpython_vm::function::{Callee, FuncArgs, KwArgs, PyNativeFn};
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

/// Whom a C function is called for: where `self` comes from.
#[derive(Clone, Copy)]
pub enum Receiver {
    /// Always this block (null for none), which outlives the function.
    Fixed(usize),
    /// The first argument, an instance.
    First,
    /// The first argument, a class.
    Class,
}

/// What a closure needs to know of its function.
struct Target {
    code: *const c_void,
    receiver: Receiver,
    /// For `METH_METHOD`: the class that defines the method.
    class: *mut c::PyTypeObject,
    /// The name that messages use: with module and class.
    name: Box<str>,
}

// SAFETY: pointers to code and to blocks that live as long as the function; C code runs under the C lock.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

impl Target {
    /// Splits the arguments into the receiver and the rest. Needs the C lock.
    #[inline]
    fn receive<'a>(&self, vm: &VirtualMachine, args: &'a [PyObjectRef]) -> PyResult<(Passed, &'a [PyObjectRef])> {
        Ok(match (self.receiver, args) {
            // SAFETY: a function keeps what it is bound to.
            (Receiver::Fixed(block), _) => (unsafe { Passed::again(block as Block) }, args),
            (_, [first, rest @ ..]) => (Passed::new(vm, first), rest),
            (_, []) => return Err(self.needs_instance(vm)),
        })
    }

    #[cold]
    fn needs_instance(&self, vm: &VirtualMachine) -> PyBaseExceptionRef {
        vm.new_type_error(format!("unbound method {}() needs an argument", self.name))
    }

    /// How many arguments there are besides the receiver.
    #[inline]
    fn count(&self, args: &[PyObjectRef]) -> usize {
        args.len() - usize::from(!matches!(self.receiver, Receiver::Fixed(_)) && !args.is_empty())
    }

    /// Reads the result. `result` is what the C function returned.
    #[inline]
    fn finish(&self, vm: &VirtualMachine, result: Block) -> PyResult {
        // SAFETY: a C function gives a reference or NULL.
        unsafe { error::result(vm, result, || self.described()) }
    }

    /// The name alone, which CPython uses for functions of this convention.
    #[cold]
    fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }

    /// How CPython's `SystemError` for a broken result names the function.
    #[cold]
    fn described(&self) -> String {
        let name = self.short_name();
        match self.receiver {
            Receiver::Fixed(block) if block != 0 => {
                let block = block as Block;
                // SAFETY: a function keeps what it is bound to.
                let (kind, class) = unsafe { (Kind::of(block), text::of_c((*(*block).ob_type).tp_name)) };
                if kind == Kind::Module {
                    return format!("<built-in function {name}>");
                }
                format!("<built-in method {name} of {class} object at {block:p}>")
            }
            Receiver::Fixed(_) => format!("<built-in function {name}>"),
            _ => match self.name.rsplit('.').nth(1) {
                Some(class) => format!("<method '{name}' of '{class}' objects>"),
                None => format!("<built-in function {name}>"),
            },
        }
    }

    #[cold]
    fn no_keywords(&self, vm: &VirtualMachine) -> PyBaseExceptionRef {
        vm.new_type_error(format!("{}() takes no keyword arguments", self.name))
    }

    #[cold]
    fn no_arguments(&self, vm: &VirtualMachine, given: usize) -> PyBaseExceptionRef {
        vm.new_type_error(format!("{}() takes no arguments ({given} given)", self.name))
    }

    #[cold]
    fn one_argument(&self, vm: &VirtualMachine, args: &[PyObjectRef]) -> PyBaseExceptionRef {
        if args.is_empty() && !matches!(self.receiver, Receiver::Fixed(_)) {
            return self.needs_instance(vm);
        }
        let given = self.count(args);
        vm.new_type_error(format!("{}() takes exactly one argument ({given} given)", self.name))
    }

    #[inline]
    fn refuse_keywords(&self, vm: &VirtualMachine, keywords: &KwArgs) -> PyResult<()> {
        if keywords.is_empty() { Ok(()) } else { Err(self.no_keywords(vm)) }
    }
}

/// Makes the closure that calls a C function.
///
/// # Errors
/// `SystemError` for a combination of flags that means nothing; `name` is the method's, as messages use it.
///
/// # Safety
/// `method` is a valid definition, `class` the defining class if the flags have `METH_METHOD`; what they and
/// `receiver` point to outlives the closure.
pub unsafe fn closure(
    vm: &VirtualMachine,
    method: *const c::PyMethodDef,
    receiver: Receiver,
    class: *mut c::PyTypeObject,
    name: &str,
) -> PyResult<Box<dyn PyNativeFn>> {
    // SAFETY: by contract.
    let (code, flags) = unsafe { ((*method).ml_meth, (*method).ml_flags) };
    let target = Target { code, receiver, class, name: name.into() };
    let convention = flags & !(meth::CLASS | meth::STATIC | meth::COEXIST);
    let inner: Box<dyn PyNativeFn> = match convention {
        meth::NOARGS => Box::new(no_args(target)),
        meth::O => Box::new(one_arg(target)),
        meth::VARARGS => Box::new(var_args(target)),
        KEYWORDS => Box::new(var_args_keywords(target)),
        meth::FASTCALL => Box::new(fast(target)),
        FAST_KEYWORDS => Box::new(fast_keywords(target)),
        METHOD => Box::new(fast_method(target)),
        other => return Err(vm.new_system_error(format!("{name}() method: bad call flags ({other:#x})"))),
    };
    if !check::is_on() {
        return Ok(inner);
    }
    let (name, code) = (name.to_owned(), code as usize);
    Ok(Box::new(move |vm: &VirtualMachine, args: FuncArgs, callee: Callee| {
        let _under_way = check::enter(&name, code as *const c_void);
        inner(vm, args, callee)
    }))
}

const KEYWORDS: i32 = meth::VARARGS | meth::KEYWORDS;
const FAST_KEYWORDS: i32 = meth::FASTCALL | meth::KEYWORDS;
const METHOD: i32 = meth::METHOD | meth::FASTCALL | meth::KEYWORDS;

fn no_args(target: Target) -> impl PyNativeFn {
    // SAFETY: `METH_NOARGS` functions have this type.
    let code = unsafe { transmute::<*const c_void, c::PyCFunction>(target.code) };
    move |vm: &VirtualMachine, args: FuncArgs, _: Callee| {
        target.refuse_keywords(vm, &args.kwargs)?;
        let given = target.count(&args.args);
        if given != 0 {
            return Err(target.no_arguments(vm, given));
        }
        let _section = thread::enter(vm);
        let (this, _) = target.receive(vm, &args.args)?;
        // SAFETY: called as its flags say, with the C lock.
        let result = unsafe { code(this.block(), std::ptr::null_mut()) };
        target.finish(vm, result)
    }
}

fn one_arg(target: Target) -> impl PyNativeFn {
    // SAFETY: `METH_O` functions have this type.
    let code = unsafe { transmute::<*const c_void, c::PyCFunction>(target.code) };
    move |vm: &VirtualMachine, args: FuncArgs, _: Callee| {
        target.refuse_keywords(vm, &args.kwargs)?;
        if target.count(&args.args) != 1 {
            return Err(target.one_argument(vm, &args.args));
        }
        let _section = thread::enter(vm);
        let (this, rest) = target.receive(vm, &args.args)?;
        let argument = Passed::new(vm, &rest[0]);
        // SAFETY: called as its flags say, with the C lock.
        let result = unsafe { code(this.block(), argument.block()) };
        target.finish(vm, result)
    }
}

/// A tuple block with the given objects; ours to give back.
fn tuple_of(vm: &VirtualMachine, objects: &[PyObjectRef]) -> Passed {
    let block = tuple::new_block(objects.len());
    for (index, object) in objects.iter().enumerate() {
        // SAFETY: room for all items.
        unsafe { tuple::items(block).add(index).write(store::store(vm, object)) };
    }
    Passed::owned(block)
}

fn var_args(target: Target) -> impl PyNativeFn {
    // SAFETY: `METH_VARARGS` functions have this type.
    let code = unsafe { transmute::<*const c_void, c::PyCFunction>(target.code) };
    move |vm: &VirtualMachine, args: FuncArgs, _: Callee| {
        if !args.kwargs.is_empty() {
            // CPython names a function of this convention without its module, a method with its class.
            return Err(match target.receiver {
                Receiver::Fixed(_) | Receiver::Class => {
                    vm.new_type_error(format!("{}() takes no keyword arguments", target.short_name()))
                }
                Receiver::First => target.no_keywords(vm),
            });
        }
        let _section = thread::enter(vm);
        let (this, rest) = target.receive(vm, &args.args)?;
        let tuple = tuple_of(vm, rest);
        // SAFETY: called as its flags say, with the C lock.
        let result = unsafe { code(this.block(), tuple.block()) };
        target.finish(vm, result)
    }
}

fn var_args_keywords(target: Target) -> impl PyNativeFn {
    // SAFETY: `METH_VARARGS | METH_KEYWORDS` functions have this type.
    let code = unsafe { transmute::<*const c_void, c::PyCFunctionWithKeywords>(target.code) };
    move |vm: &VirtualMachine, args: FuncArgs, _: Callee| {
        let _section = thread::enter(vm);
        let (this, rest) = target.receive(vm, &args.args)?;
        let tuple = tuple_of(vm, rest);
        let keywords = keyword_dict(vm, args.kwargs)?;
        // SAFETY: called as its flags say, with the C lock.
        let result = unsafe { code(this.block(), tuple.block(), keywords.block()) };
        target.finish(vm, result)
    }
}

/// The keyword arguments as a dict's block; null if there are none.
pub(crate) fn keyword_block(vm: &VirtualMachine, arguments: KwArgs) -> PyResult<Block> {
    if arguments.is_empty() {
        return Ok(std::ptr::null_mut());
    }
    Ok(dict::for_call(vm, arguments.into_iter()))
}

fn keyword_dict(vm: &VirtualMachine, keywords: KwArgs) -> PyResult<Passed> {
    let block = keyword_block(vm, keywords)?;
    Ok(Passed::owned(block))
}

fn fast(target: Target) -> impl PyNativeFn {
    // SAFETY: `METH_FASTCALL` functions have this type.
    let code = unsafe { transmute::<*const c_void, c::PyCFunctionFast>(target.code) };
    move |vm: &VirtualMachine, args: FuncArgs, _: Callee| {
        target.refuse_keywords(vm, &args.kwargs)?;
        let _section = thread::enter(vm);
        let (this, rest) = target.receive(vm, &args.args)?;
        let blocks = Arguments::new(vm, rest.iter());
        // SAFETY: called as its flags say, with the C lock.
        let result = unsafe { code(this.block(), blocks.as_ptr(), blocks.len() as isize) };
        target.finish(vm, result)
    }
}

/// A keyword's name: the string that the VM keeps of it, if the name stands in code; others are not kept for ever.
fn name_object(vm: &VirtualMachine, name: &Wtf8) -> PyObjectRef {
    match vm.ctx.interned_str(name) {
        Some(name) => name.to_owned().into(),
        None => vm.ctx.new_str(name.to_owned()).into(),
    }
}

/// Positional and keyword arguments in one array, and the names in a tuple, null if there are none.
pub(crate) fn fast_arguments(
    vm: &VirtualMachine,
    positional: &[PyObjectRef],
    keywords: &KwArgs,
) -> (Arguments, Passed) {
    let blocks = Arguments::new(vm, positional.iter().chain(keywords.iter().map(|(_, value)| value)));
    let names = if keywords.is_empty() {
        Passed::NULL
    } else {
        let names: Vec<PyObjectRef> = keywords.iter().map(|(name, _)| name_object(vm, name)).collect();
        tuple_of(vm, &names)
    };
    (blocks, names)
}

fn fast_keywords(target: Target) -> impl PyNativeFn {
    // SAFETY: `METH_FASTCALL | METH_KEYWORDS` functions have this type.
    let code = unsafe { transmute::<*const c_void, c::PyCFunctionFastWithKeywords>(target.code) };
    move |vm: &VirtualMachine, args: FuncArgs, _: Callee| {
        let _section = thread::enter(vm);
        let (this, rest) = target.receive(vm, &args.args)?;
        let (blocks, names) = fast_arguments(vm, rest, &args.kwargs);
        // SAFETY: called as its flags say, with the C lock.
        let result = unsafe { code(this.block(), blocks.as_ptr(), rest.len() as isize, names.block()) };
        target.finish(vm, result)
    }
}

fn fast_method(target: Target) -> impl PyNativeFn {
    // SAFETY: `METH_METHOD | METH_FASTCALL | METH_KEYWORDS` functions have this type.
    let code = unsafe { transmute::<*const c_void, c::PyCMethod>(target.code) };
    move |vm: &VirtualMachine, args: FuncArgs, _: Callee| {
        let _section = thread::enter(vm);
        let (this, rest) = target.receive(vm, &args.args)?;
        let (blocks, names) = fast_arguments(vm, rest, &args.kwargs);
        // SAFETY: called as its flags say, with the C lock.
        let result = unsafe { code(this.block(), target.class, blocks.as_ptr(), rest.len(), names.block()) };
        target.finish(vm, result)
    }
}

/// A tuple block for the positional arguments of a slot (`tp_new`, `tp_init`, `tp_call`); a new reference.
pub(crate) fn tuple_block(vm: &VirtualMachine, objects: &[PyObjectRef]) -> Block {
    tuple_of(vm, objects).into_block()
}
