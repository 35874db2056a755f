//! Threads as C sees them: the thread state struct, the way into C code and out of it again. Owns the thread states;
//! every crossing goes through [`enter`] and every call from C back into the VM that may run Python code, wait or take long
//! through [`leave`].

use std::cell::{Cell, RefCell, UnsafeCell};
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use rustpython_vm::vm::thread::{SavedThreadState, restore_current_thread, save_current_thread, try_with_current_vm};
use rustpython_vm::{PyObjectRef, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::{overflow, platform};
use crate::heap::block::Block;
use crate::heap::lock::{self, Slot};
use crate::lifetime::due::LentList;
use crate::lifetime::stacks::Stacks;
use crate::lifetime::{dealloc, due, handled, interpreter, locals, numbers, stacks, under_lock};

/// What Rustclad keeps for one thread. C code holds a pointer to `state`, and other threads may look at `slot` at any time, so
/// it never moves and is never freed: when its thread ends, another one gets it.
#[repr(C)]
pub struct Context {
    /// CPython's struct, which compiled code reads and writes.
    state: UnsafeCell<c::PyThreadState>,
    pub(crate) slot: Slot,
    /// What `PyEval_SaveThread` put aside.
    saved: RefCell<Vec<SavedThreadState>>,
    /// How many calls into C are under way.
    pub(crate) depth: Cell<u32>,
    /// How deep deallocation nests, and what waits for it to end.
    pub(crate) nesting: Cell<u32>,
    pub(crate) waiting: RefCell<Vec<usize>>,
    /// See [`crate::lifetime::kept::sweeping`].
    pub(crate) sweeping: Cell<bool>,
    /// The lists that C code may write into until it returns, those of the latest call last.
    pub(crate) lent_lists: RefCell<Vec<LentList>>,
    /// One more than the depth of the call that got the last of them, 0 if there is none.
    pub(crate) lists_lent: Cell<u32>,
    /// The exception C handles that the VM knows of.
    pub(crate) shown: Cell<*mut c::PyObject>,
    /// The `threading.local` objects of a thread from outside.
    pub(crate) locals: RefCell<Vec<PyObjectRef>>,
    /// Where signals are handled on a thread from outside.
    signal_stack: OnceLock<usize>,
    pub(super) stacks: Stacks,
}

impl Context {
    fn new() -> Self {
        Self {
            // SAFETY: every field is an integer, a pointer or an array of them.
            state: UnsafeCell::new(unsafe { std::mem::zeroed() }),
            slot: Slot::new(),
            saved: RefCell::default(),
            depth: Cell::new(0),
            nesting: Cell::new(0),
            waiting: RefCell::default(),
            sweeping: Cell::new(false),
            lent_lists: RefCell::default(),
            lists_lent: Cell::new(0),
            shown: Cell::new(std::ptr::null_mut()),
            locals: RefCell::default(),
            signal_stack: OnceLock::new(),
            stacks: Stacks::new(),
        }
    }

    /// The thread state, for C.
    #[inline]
    pub fn state(&self) -> *mut c::PyThreadState {
        self.state.get()
    }

    /// Fills the thread state for the calling thread.
    fn begin(&self) {
        // SAFETY: nobody else has the pointer: its thread begins.
        let state = unsafe { &mut *self.state.get() };
        // SAFETY: as in `new`.
        *state = unsafe { std::mem::zeroed() };
        state.exc_info = &raw mut state.exc_state;
        state.interp = interpreter::main_state();
        state.id = NEXT_ID.fetch_add(1, Ordering::Relaxed) as usize;
        state.thread_id = platform::thread_id();
        state.native_thread_id = platform::native_thread_id();
        // `initialized`, `bound`, `bound_gilstate`, `active`.
        state._status = 0b11011;
        state.gilstate_counter = 1;
        // Never NULL in CPython while Python code runs; there is nothing in them.
        state.current_frame = (&raw const NO_FRAME).cast_mut().cast();
        state.datastack_chunk = self.stacks.begin();
        state.py_recursion_limit = 1000;
        state.py_recursion_remaining = 1000;
    }

    /// How often C code has asked for this thread's state; one for a thread that Python made.
    fn ensured(&self) -> c_int {
        // SAFETY: this thread's state, which C code changes through its pointer.
        unsafe { (*self.state()).gilstate_counter }
    }

    fn count_ensured(&self, change: c_int) {
        // SAFETY: as above.
        unsafe { (*self.state()).gilstate_counter += change };
    }
}

// SAFETY: only its own thread uses it, but for `slot`, which is made of atomics.
unsafe impl Sync for Context {}

/// Contexts of threads that have ended.
static FREE: Mutex<Vec<&'static Context>> = Mutex::new(Vec::new());

/// Stands for the frame and the stack of CPython's interpreter.
static NO_FRAME: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static CURRENT: Cell<Option<&'static Context>> = const { Cell::new(None) };
    /// Gives the context back when the thread ends; apart, so that reading `CURRENT` need not ask whether that has happened.
    static END: End = const { End };
    /// What a thread from outside touches once it is attached: it ends before the VM's own thread-locals do.
    static PARTING: Parting = const { Parting };
}

struct End;

impl Drop for End {
    fn drop(&mut self) {
        if let Some(context) = CURRENT.get()
            && !context.slot.holds()
        {
            let mut left = LEFT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            left.extend(take_held(context));
            if !left.is_empty() {
                ANY_LEFT.store(true, Ordering::Relaxed);
                due::press();
            }
            drop(left);
            context.saved.borrow_mut().clear();
            CURRENT.set(None);
            FREE.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(context);
        }
    }
}

struct Parting;

impl Drop for Parting {
    /// Detaches a thread whose state C code has kept to the end: the next one that gets its context is not attached.
    fn drop(&mut self) {
        let Some(context) = CURRENT.get().filter(|_| interpreter::is_attached_here()) else { return };
        let Some(saved) = context.saved.borrow_mut().pop() else { return };
        restore_current_thread(saved);
        // Not under the lock, if nothing is held: who has it may be waiting for this thread's end.
        if context.lists_lent.get() != 0 {
            rustpython_vm::vm::thread::with_current_vm(|vm| lock::acquire(&context.slot, Some(vm)));
            due::settle_lists(context);
            lock::release(&context.slot);
        }
        drop_held(context);
        rustpython_vm::vm::thread::with_current_vm(locals::end);
        interpreter::detach();
    }
}

/// What threads that have ended left: at the end of a thread nothing of Python's can end any more.
static LEFT: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// What a thread's state holds: its dict and its exceptions, whose references are the caller's now.
fn take_held(context: &Context) -> impl Iterator<Item = usize> + use<> {
    // SAFETY: this thread's state, which owns what it names.
    let held = unsafe {
        let state = &mut *context.state();
        let null = std::ptr::null_mut();
        [&mut state.dict, &mut state.current_exception, &mut state.exc_state.exc_value, &mut state.context]
            .map(|place| std::mem::replace(place, null) as usize)
    };
    held.into_iter().filter(|block| *block != 0)
}

/// Drops what this thread's state holds.
pub(crate) fn drop_held(context: &Context) {
    let held: Vec<usize> = take_held(context).collect();
    if !held.is_empty() {
        in_section(|| {
            for block in held {
                // SAFETY: the references were the state's.
                unsafe { dealloc::decref(block as Block) };
            }
        });
    }
}

/// Whether threads that have ended left something.
static ANY_LEFT: AtomicBool = AtomicBool::new(false);

/// Drops what threads that have ended left. Needs the C lock.
#[inline]
pub(crate) fn drop_left() {
    if ANY_LEFT.load(Ordering::Relaxed) {
        ANY_LEFT.store(false, Ordering::Relaxed);
        drop_all_left();
    }
}

#[cold]
fn drop_all_left() {
    let left = std::mem::take(&mut *LEFT.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    for block in left {
        // SAFETY: the references were the states'.
        unsafe { dealloc::decref(block as Block) };
    }
}

/// This thread's context, made at first use.
#[inline]
pub fn context() -> &'static Context {
    CURRENT.get().unwrap_or_else(new_context)
}

/// Pointer to this thread's thread state, for C.
#[inline]
pub fn state() -> *mut c::PyThreadState {
    context().state()
}

#[cold]
fn new_context() -> &'static Context {
    let free = FREE.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
    let context = free.unwrap_or_else(|| Box::leak(Box::new(Context::new())));
    context.begin();
    CURRENT.set(Some(context));
    // Fails when the thread is ending: then the context stays with it.
    let _ = END.try_with(|_| ());
    context
}

/// The time in C code: holds the C lock until dropped.
pub struct Section {
    context: &'static Context,
    nested: bool,
}

/// Enters C code from managed code: takes the C lock. Whoever calls this has left C, if the thread was there.
#[inline]
pub fn enter(vm: &VirtualMachine) -> Section {
    let section = enter_with(Some(vm));
    if section.nested {
        under_lock::entered_again();
    }
    if due::has_lists(section.context) {
        due::lists_entered(vm, section.context);
    }
    section
}

/// Takes the C lock, unless this thread has it already, for work on blocks.
#[inline]
pub fn section(vm: &VirtualMachine) -> Section {
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

/// Drops the exception that C code handles: what it was called from knows its own.
#[cold]
fn forget_handled(context: &Context) {
    // SAFETY: this thread's state, which owns what it names.
    unsafe {
        let handled = std::mem::replace(&mut (*context.state()).exc_state.exc_value, std::ptr::null_mut());
        dealloc::xdecref(handled);
    }
}

impl Drop for Section {
    #[inline]
    fn drop(&mut self) {
        let context = self.context;
        stacks::look(context);
        if due::has_lists(context) {
            due::lists_left(context);
        }
        if context.lists_lent.get() > context.depth.get() {
            due::settle_lists(context);
        }
        if numbers::are_waiting() {
            numbers::settle();
        }
        let depth = context.depth.get() - 1;
        context.depth.set(depth);
        if depth == 0 {
            // SAFETY: this thread's state.
            if !unsafe { (*context.state()).exc_state.exc_value }.is_null() {
                forget_handled(context);
            }
            if due::is_due() {
                if !stacks::is_elsewhere(context) {
                    due::at_return();
                } else if due::is_pressing() {
                    due::in_between();
                }
            }
        }
        if !self.nested {
            lock::release(&context.slot);
        }
    }
}

/// Takes the C lock again when it is dropped.
struct Retake<'a>(&'static Context, Option<&'a VirtualMachine>);

impl Drop for Retake<'_> {
    #[inline]
    fn drop(&mut self) {
        lock::acquire(&self.0.slot, self.1);
    }
}

/// Calls back from C into the VM without the C lock, for whatever may run Python code, wait or take long.
#[inline]
pub fn leave<R>(vm: &VirtualMachine, f: impl FnOnce() -> R) -> R {
    let context = context();
    if !context.slot.holds() {
        return f();
    }
    stacks::look(context);
    if due::has_lists(context) {
        return leave_lists(context, vm, f);
    }
    leave_looking(context, vm, f)
}

/// [`leave`] with lists lent, which both sides change.
#[cold]
fn leave_lists<R>(context: &'static Context, vm: &VirtualMachine, f: impl FnOnce() -> R) -> R {
    due::lists_out(context);
    let result = leave_looking(context, vm, f);
    due::lists_back(vm, context);
    result
}

#[inline]
fn leave_looking<R>(context: &'static Context, vm: &VirtualMachine, f: impl FnOnce() -> R) -> R {
    if due::is_pressing() {
        due::in_between();
    }
    // SAFETY: this thread's state; compiled code keeps what it handles there.
    let item = unsafe { &*(*context.state()).exc_info };
    if item.exc_value != context.shown.get() || !item.previous_item.is_null() {
        return handled::leave(context, vm, f);
    }
    leave_now(context, Some(vm), f)
}

/// [`leave`] with something that is dropped before the lock is taken again.
#[inline]
pub fn leave_with<T, R>(vm: &VirtualMachine, held: T, f: impl FnOnce(&T) -> R) -> R {
    leave(vm, move || f(&held))
}

/// [`leave`] without a look at anything else.
#[inline]
pub(crate) fn leave_now<R>(context: &'static Context, vm: Option<&VirtualMachine>, f: impl FnOnce() -> R) -> R {
    lock::release(&context.slot);
    let _retake = Retake(context, vm);
    f()
}

/// Runs `f` without the C lock, on a thread that may have no VM and may not hold it.
pub(crate) fn outside<R>(f: impl FnOnce() -> R) -> R {
    let context = context();
    if !context.slot.holds() {
        return f();
    }
    let mut f = Some(f);
    let mut run = |vm: Option<&VirtualMachine>| {
        let f = f.take().expect("runs once");
        match vm {
            Some(vm) if due::has_lists(context) => {
                due::lists_out(context);
                let result = leave_now(context, Some(vm), f);
                due::lists_back(vm, context);
                result
            }
            _ => leave_now(context, vm, f),
        }
    };
    match try_with_current_vm(|vm| run(Some(vm))) {
        Some(result) => result,
        None => run(None),
    }
}

/// Gives the C lock up in the midst of a section, until [`retake`].
pub(super) fn give_up_lock() {
    lock::release(&context().slot);
}

/// Takes back what [`give_up_lock`] gave up, if it did.
pub(super) fn retake(vm: &VirtualMachine) {
    let context = context();
    if !context.slot.holds() {
        lock::acquire(&context.slot, Some(vm));
    }
}

/// Whether this thread holds the C lock. A thread that asks need not have a context, and gets none by it: that would register
/// its end, for which the loader's lock is taken, and a constructor of a library may be waiting for the answer.
#[inline]
pub fn holds_lock() -> bool {
    CURRENT.get().is_some_and(|context| context.slot.holds())
}

/// Whether this is the thread that the process began with.
pub(crate) fn is_main() -> bool {
    platform::native_thread_id() == std::process::id() as usize
}

/// Whether this thread is attached to the VM, or was and put that aside.
pub(crate) fn is_known() -> bool {
    rustpython_vm::vm::thread::current_vm_is_set()
        || CURRENT.get().is_some_and(|context| !context.saved.borrow().is_empty())
}

/// `PyEval_SaveThread`: gives the lock up and detaches this thread from the VM.
pub(crate) fn save() -> *mut c::PyThreadState {
    let context = context();
    if due::has_lists(context) {
        due::lists_out(context);
    }
    if due::is_pressing() {
        due::in_between();
    }
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
    rustpython_vm::vm::thread::with_current_vm(|vm| {
        lock::acquire(&context.slot, Some(vm));
        if due::has_lists(context) {
            due::lists_back(vm, context);
        }
    });
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
    interpreter::attach();
    overflow::prepare_thread(&context.signal_stack);
    let _ = PARTING.try_with(|_| ());
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
    if interpreter::is_attached_here() && context.ensured() <= 0 {
        due::settle_lists(context);
        drop_held(context);
        lock::release(&context.slot);
        rustpython_vm::vm::thread::with_current_vm(locals::end);
        interpreter::detach();
    } else {
        save();
    }
}

#[cfg(test)]
mod tests;
