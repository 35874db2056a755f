//! How a collection gives the C lock up before finalizers run. The VM finds the garbage while the world stands still, which
//! needs the lock, for C's references must not change; then it starts the world, runs the callbacks of weak references and the
//! finalizers, and tells nobody that it is about to. A turnstile is garbage that is newer than all other: its weak reference's
//! callback comes first.

use std::cell::{Cell, RefCell};
use std::sync::OnceLock;

use rustpython_vm::builtins::{PyType, PyTypeRef, PyWeak};
use rustpython_vm::function::{HeapMethodDef, ItemDoc, PyMethodFlags};
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::types::{PyTypeFlags, PyTypeSlots};
use rustpython_vm::{AsObject, Context, Py, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};

use crate::lifetime::thread;

thread_local! {
    /// Whether this thread's collection waits for its turnstile.
    static WAITING: Cell<bool> = const { Cell::new(false) };
}

/// A payload that holds its own object, so that nothing but a collection ends it.
#[derive(Debug)]
struct Turnstile {
    this: RefCell<Option<PyObjectRef>>,
}

// SAFETY: only the thread that collects uses it, or one that looks at it while the world stands still.
unsafe impl Sync for Turnstile {}

impl PyPayload for Turnstile {
    fn class(context: &Context) -> &'static Py<PyType> {
        class(context)
    }
}

impl MaybeTraverse for Turnstile {
    const HAS_TRAVERSE: bool = true;
    const HAS_CLEAR: bool = true;

    fn try_traverse(&self, tracer: &mut TraverseFn<'_>) {
        if let Some(this) = &*self.this.borrow() {
            tracer(this);
        }
    }

    fn try_clear(&mut self, out: &mut Vec<PyObjectRef>) {
        out.extend(self.this.take());
    }
}

fn class(context: &Context) -> &'static PyTypeRef {
    static CLASS: OnceLock<PyTypeRef> = OnceLock::new();
    CLASS.get_or_init(|| {
        let slots = PyTypeSlots::new("", PyTypeFlags::from_slice(&[PyTypeFlags::HAS_WEAKREF]));
        let base = context.types.object_type.to_owned();
        let metaclass = context.types.type_type.to_owned();
        PyType::new_heap("turnstile", vec![base], Default::default(), slots, metaclass, context)
            .expect("object can be subclassed")
    })
}

/// Runs the VM's collection with the C lock held until the garbage is found. Whether the turnstile was among it, which the VM
/// counts then.
///
/// # Errors
/// None but memory: the VM refuses no weak reference to a turnstile.
pub(super) fn pass<R>(vm: &VirtualMachine, collect: impl FnOnce() -> R) -> PyResult<(R, bool)> {
    static OPENED: OnceLock<PyRef<HeapMethodDef>> = OnceLock::new();
    let opened = OPENED.get_or_init(|| vm.ctx.new_method_def("opened", opened, PyMethodFlags::EMPTY, ItemDoc::NONE));
    let callback = opened.build_function(vm, None);
    let turnstile = PyRef::new_ref(Turnstile { this: RefCell::new(None) }, class(&vm.ctx).clone(), None);
    let weak: PyRef<PyWeak> = turnstile.as_object().downgrade(Some(callback.into()), vm)?;
    WAITING.set(true);
    turnstile.this.replace(Some(turnstile.as_object().to_owned()));
    drop(turnstile);
    let result = collect();
    let collected = !WAITING.replace(false);
    // Another thread's collection was under way: nothing was done.
    if let Some(left) = weak.upgrade()
        && let Some(left) = left.downcast_ref::<Turnstile>()
    {
        drop(left.this.take());
    }
    thread::retake(vm);
    Ok((result, collected))
}

/// The callback of the weak reference.
fn opened(_: PyObjectRef) {
    if WAITING.replace(false) {
        thread::give_up_lock();
    }
}
