//! What tests of this room share: an interpreter, on a thread of its own, and a table of forms whose tuples are pairs and
//! whose lists count what is done to them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use rustpython_vm::compiler::Mode;
use rustpython_vm::{Interpreter, PyObject, PyObjectRef, PyResult, Settings, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::Block;
use crate::heap::form::{self, Form, Half, Look, Visit};
use crate::heap::kind::Kind;
use crate::heap::testing::alone;
use crate::lifetime::{dealloc, interpreter, managed};

/// How often a list's contents were handed on.
pub(super) static HANDED_ON: AtomicUsize = AtomicUsize::new(0);

static PLAIN: Form = Form::bare(make, wrap);

static LIST: Form = Form { written: Some(written), caught_up: Some(caught_up), ..PLAIN };

static PAIR: Form = Form { free: Some(clear), each: Some(each), clear: Some(clear), ..PLAIN };

static TABLE: [&Form; Kind::COUNT] = {
    let mut table = [&PLAIN; Kind::COUNT];
    table[Kind::List as usize] = &LIST;
    table[Kind::Tuple as usize] = &PAIR;
    table
};

unsafe fn make(_: &VirtualMachine, _: &PyObject, _: *mut c::PyTypeObject) -> Block {
    unreachable!("tests make their blocks themselves")
}

unsafe fn wrap(_: &VirtualMachine, _: Block, _: Half) -> PyResult {
    unreachable!("tests make their objects themselves")
}

unsafe fn written(_: Block, _: Look) {
    HANDED_ON.fetch_add(1, Ordering::Relaxed);
}

unsafe fn caught_up(_: &VirtualMachine, _: Block, _: &PyObject, _: Look) -> bool {
    true
}

/// The two references that a pair counts, behind its head; each may be null.
///
/// # Safety
/// `pair` is a tuple's block that these tests made.
pub(super) unsafe fn items(pair: Block) -> *mut [Block; 2] {
    // SAFETY: by contract.
    unsafe { pair.add(1).cast() }
}

unsafe fn each(pair: Block, visit: &mut Visit<'_>) {
    // SAFETY: a live pair.
    unsafe { items(pair).read() }.into_iter().for_each(visit);
}

unsafe fn clear(pair: Block) {
    // SAFETY: a pair, which owns its references.
    unsafe { items(pair).replace([std::ptr::null_mut(); 2]).into_iter().for_each(|item| dealloc::xdecref(item)) };
}

type Test = Box<dyn FnOnce(&VirtualMachine) + Send>;

/// Has the interpreter's thread run tests.
static TESTS: OnceLock<Sender<Test>> = OnceLock::new();

fn start() -> Sender<Test> {
    form::set(&TABLE);
    let (sender, tests) = channel::<Test>();
    let run = move || {
        let interpreter =
            Interpreter::builder(Settings::default()).add_frozen_modules(rustpython_pylib::FROZEN_STDLIB).build();
        interpreter.enter(|vm| {
            interpreter::remember(vm);
            managed::prepare(vm);
        });
        for test in tests {
            interpreter.enter(test);
        }
    };
    std::thread::Builder::new().stack_size(32 << 20).spawn(run).expect("a thread");
    sender
}

/// Runs a test that needs memory for blocks and a VM. It does not have the C lock.
pub(crate) fn with_vm(test: impl FnOnce(&VirtualMachine) + Send + 'static) {
    let _alone = alone();
    let (sender, result) = channel::<Result<(), Box<dyn Any + Send>>>();
    let run = move |vm: &VirtualMachine| {
        sender.send(catch_unwind(AssertUnwindSafe(|| test(vm)))).expect("the test waits");
    };
    TESTS.get_or_init(start).send(Box::new(run)).expect("the interpreter's thread runs");
    if let Err(failure) = result.recv().expect("the interpreter's thread answers") {
        resume_unwind(failure);
    }
}

/// Runs a piece of Python and gives what it has made under a name.
pub(crate) fn python(vm: &VirtualMachine, source: &str, name: &str) -> PyObjectRef {
    let scope = vm.new_scope_with_builtins();
    let code = vm.compile(source, Mode::Exec, "<test>").expect("the test's Python has no faults");
    let run = vm.run_code_obj(code, scope.clone()).and_then(|_| scope.globals.get_item(name, vm));
    run.unwrap_or_else(|error| panic!("{:?}", error))
}
