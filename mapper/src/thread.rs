//! Threads as C sees them: the thread state struct, the way into C code and out of it again. Owns the thread states;
//! every crossing goes through [`enter`] and every call from C back into the VM that may take long through [`leave`].

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustpython_vm::VirtualMachine;
use rustpython_vm::vm::thread::{SavedThreadState, restore_current_thread, save_current_thread, try_with_current_vm};

use crate::layout as c;
use crate::lock::{self, Slot};

/// What Rustclad keeps for one thread. C code holds a pointer to `state`, so it never moves; it is kept after the
/// thread's end, for other threads may look at `slot`.
#[repr(C)]
pub struct Context {
    /// CPython's struct, which compiled code reads.
    pub state: c::PyThreadState,
    pub(crate) slot: Slot,
    /// What `PyEval_SaveThread` put aside.
    saved: RefCell<Vec<SavedThreadState>>,
    /// How many calls into C are under way.
    pub(crate) depth: Cell<u32>,
    pub(crate) lent_lists: RefCell<crate::list::Lent>,
    /// The depth of the call that got the last of them, 0 if there is none.
    pub(crate) lists_lent_at: Cell<u32>,
    /// The exception C handles that the VM knows of.
    shown: Cell<*mut c::PyObject>,
}

impl Context {
    /// How often C code has asked for this thread's state; one for a thread that Python made.
    fn ensured(&self) -> c_int {
        // SAFETY: this thread's state, which C code changes through its pointer.
        unsafe { (&raw const self.state.gilstate_counter).read_volatile() }
    }

    fn count_ensured(&self, change: c_int) {
        let counter = (&raw const self.state.gilstate_counter).cast_mut();
        // SAFETY: as above.
        unsafe { counter.write_volatile(self.ensured() + change) };
    }
}

thread_local! {
    static CURRENT: Cell<Option<&'static Context>> = const { Cell::new(None) };
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// This thread's context, made at first use.
#[inline]
pub fn context() -> &'static Context {
    CURRENT.get().unwrap_or_else(new_context)
}

/// Pointer to this thread's thread state, for C.
#[inline]
pub fn state() -> *mut c::PyThreadState {
    std::ptr::from_ref(context()).cast_mut().cast()
}

#[cold]
fn new_context() -> &'static Context {
    let context: &'static mut Context = Box::leak(Box::new(Context {
        // SAFETY: every field is an integer, a pointer or an array of them.
        state: unsafe { std::mem::zeroed() },
        slot: Slot::new(),
        saved: RefCell::new(Vec::new()),
        depth: Cell::new(0),
        lent_lists: RefCell::default(),
        lists_lent_at: Cell::new(0),
        shown: Cell::new(std::ptr::null_mut()),
    }));
    let exc_state: *mut c::_PyErr_StackItem = &mut context.state.exc_state;
    context.state.exc_info = exc_state;
    context.state.interp = crate::interpreter::state();
    context.state.id = NEXT_ID.fetch_add(1, Ordering::Relaxed) as usize;
    context.state.thread_id = crate::platform::thread_id();
    context.state.native_thread_id = crate::platform::native_thread_id();
    // `initialized`, `bound`, `bound_gilstate`, `active`.
    context.state._status = 0b11011;
    context.state.gilstate_counter = 1;
    context.state.py_recursion_limit = 1000;
    context.state.py_recursion_remaining = 1000;
    CURRENT.set(Some(context));
    context
}

/// The time in C code: holds the C lock until dropped.
pub struct Section {
    context: &'static Context,
    nested: bool,
}

/// Enters C code: takes the C lock, unless this thread has it already.
#[inline]
pub fn enter(vm: &VirtualMachine) -> Section {
    enter_with(Some(vm))
}

#[inline]
fn enter_with(vm: Option<&VirtualMachine>) -> Section {
    let context = context();
    let nested = context.slot.holds();
    if !nested {
        lock::acquire(&context.slot, vm);
    }
    context.depth.set(context.depth.get() + 1);
    Section { context, nested }
}

/// Runs `body` in C code's time on a thread that may have no VM: the end of an object can come on any. One that has a VM
/// must say so while it waits, or who stops the world waits for it.
pub(crate) fn in_section<R>(body: impl FnOnce() -> R) -> R {
    let mut body = Some(body);
    let mut run = |vm: Option<&VirtualMachine>| {
        let _section = enter_with(vm);
        (body.take().expect("runs once"))()
    };
    match try_with_current_vm(|vm| run(Some(vm))) {
        Some(result) => result,
        None => run(None),
    }
}

/// Whether something waits for the next outermost return from C.
static DUE: AtomicBool = AtomicBool::new(false);

/// Has [`crate::lend`] and [`crate::collect`] asked at the next outermost return from C whether they have something to do.
#[inline]
pub(crate) fn make_due() {
    DUE.store(true, Ordering::Relaxed);
}

#[cold]
fn do_what_is_due() {
    DUE.store(false, Ordering::Relaxed);
    crate::lifetime::returned();
    if crate::lend::is_due() {
        crate::lend::revalidate();
    }
    if crate::collect::is_due() {
        try_with_current_vm(crate::collect::collect_due);
    }
}

/// Drops the exception that C code handles: what it was called from knows its own.
#[cold]
fn forget_handled(context: &'static Context) {
    let state = std::ptr::from_ref(&context.state).cast_mut();
    // SAFETY: this thread's state, which owns what it names.
    unsafe { crate::lifetime::xdecref(std::mem::replace(&mut (*state).exc_state.exc_value, std::ptr::null_mut())) };
}

impl Drop for Section {
    #[inline]
    fn drop(&mut self) {
        if self.context.lists_lent_at.get() >= self.context.depth.get() {
            crate::list::settle(self.context);
        }
        let depth = self.context.depth.get() - 1;
        self.context.depth.set(depth);
        if depth == 0 {
            if !self.context.state.exc_state.exc_value.is_null() {
                forget_handled(self.context);
            }
            if DUE.load(Ordering::Relaxed) {
                do_what_is_due();
            }
        }
        if !self.nested {
            lock::release(&self.context.slot);
        }
    }
}

/// Calls back from C into the VM without the C lock, for whatever may run Python code, wait or take long.
#[inline]
pub fn leave<R>(vm: &VirtualMachine, f: impl FnOnce() -> R) -> R {
    struct Retake<'a>(&'static Context, &'a VirtualMachine);
    impl Drop for Retake<'_> {
        #[inline]
        fn drop(&mut self) {
            lock::acquire(&self.0.slot, Some(self.1));
        }
    }
    let context = context();
    if !context.slot.holds() {
        return f();
    }
    // SAFETY: this thread's state; compiled code keeps what it handles there.
    let handled = unsafe { (*context.state.exc_info).exc_value };
    if !handled.is_null() && handled != context.shown.get() {
        return leave_handling(context, vm, handled, f);
    }
    lock::release(&context.slot);
    let _retake = Retake(context, vm);
    f()
}

/// [`leave`] while C handles an exception, which `sys.exc_info()` and `raise` are to find.
#[cold]
fn leave_handling<R>(
    context: &'static Context,
    vm: &VirtualMachine,
    handled: *mut c::PyObject,
    f: impl FnOnce() -> R,
) -> R {
    let before = context.shown.replace(handled);
    // SAFETY: the thread state owns what it names.
    let exception = unsafe { crate::retrieve::retrieve(vm, handled) }.ok().and_then(|found| found.downcast().ok());
    let result = match exception {
        Some(exception) => {
            let outer = vm.current_exception();
            vm.set_exception(Some(exception));
            let result = leave(vm, f);
            vm.set_exception(outer);
            result
        }
        None => leave(vm, f),
    };
    context.shown.set(before);
    result
}

/// Whether this thread holds the C lock.
#[inline]
pub fn holds_lock() -> bool {
    context().slot.holds()
}

/// Whether this thread is attached to the VM, or was and put that aside.
pub(crate) fn is_known() -> bool {
    rustpython_vm::vm::thread::current_vm_is_set() || !context().saved.borrow().is_empty()
}

/// `PyEval_SaveThread`: gives the lock up and detaches this thread from the VM.
pub(crate) fn save() -> *mut c::PyThreadState {
    let context = context();
    lock::release(&context.slot);
    context.saved.borrow_mut().push(save_current_thread());
    state()
}

/// `PyEval_RestoreThread`: attaches this thread again and takes the lock.
pub(crate) fn restore() {
    let context = context();
    if let Some(saved) = context.saved.borrow_mut().pop() {
        restore_current_thread(saved);
    }
    rustpython_vm::vm::thread::with_current_vm(|vm| lock::acquire(&context.slot, Some(vm)));
}

/// `PyGILState_Ensure`: makes this thread able to call the C API. Returns whether it was already.
pub(crate) fn ensure() -> bool {
    let context = context();
    if is_known() {
        context.count_ensured(1);
        let held = context.slot.holds();
        if !held {
            restore();
        }
        return held;
    }
    context.count_ensured(1 - context.ensured());
    crate::interpreter::attach();
    rustpython_vm::vm::thread::with_current_vm(|vm| lock::acquire(&context.slot, Some(vm)));
    false
}

/// `PyThreadState_DeleteCurrent`: the last release, however often C code has counted the thread.
pub(crate) fn give_up() {
    let context = context();
    context.count_ensured(1 - context.ensured());
    release(false);
}

/// `PyGILState_Release` with what [`ensure`] had returned.
pub(crate) fn release(was_held: bool) {
    let context = context();
    context.count_ensured(-1);
    if was_held {
        return;
    }
    // C code may have counted the thread once more, to keep its state for the next time.
    if crate::interpreter::is_attached_here() && context.ensured() <= 0 {
        lock::release(&context.slot);
        crate::interpreter::detach();
    } else {
        save();
    }
}
