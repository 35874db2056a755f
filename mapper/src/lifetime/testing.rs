//! What tests of this room share: an interpreter, on a thread of its own, and memory for blocks.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

use rustpython_vm::compiler::Mode;
use rustpython_vm::{Interpreter, PyObjectRef, Settings, VirtualMachine};

use crate::heap::testing::alone;
use crate::lifetime::{interpreter, managed};

type Test = Box<dyn FnOnce(&VirtualMachine) + Send>;

/// Has the interpreter's thread run tests.
static TESTS: OnceLock<Sender<Test>> = OnceLock::new();

fn start() -> Sender<Test> {
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
