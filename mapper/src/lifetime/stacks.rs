//! C stacks that are switched (greenlet, and gevent on it). Each has its own run of Python frames, but the VM knows one for
//! each thread: it takes frames from one stack of memory, last in first out, has those that wait in one list, and remembers which one runs. greenlet puts
//! the fields of the thread state that CPython has for this aside and sets them anew, so what is in `datastack_chunk`
//! tells who runs: the first thing that C code does on another stack finds a strange value there, and the VM gets that
//! stack's memory, frame, handled exception and depth of recursion. Needs the C lock.

use std::cell::{Cell, UnsafeCell};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::compiler::Mode;
use rustpython_vm::datastack::DataStack;
use rustpython_vm::frame::InterpreterFrame;
use rustpython_vm::vm::thread::{set_current_frame, try_with_current_vm};
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::lifetime::due::LentList;
use crate::lifetime::managed;
use crate::lifetime::thread::Context;

/// The size by which [`end`] knows its own: greenlet gives it back with the chunk.
pub(crate) const SIZE: usize = 0x5354_4143_4b21;

/// Stands where CPython has a `_PyStackChunk`.
#[repr(C)]
pub(crate) struct Stack {
    previous: usize,
    size: usize,
    top: usize,
    is_main: bool,
    /// What is not in the VM while another stack runs.
    aside: UnsafeCell<Option<Aside>>,
}

/// What the VM has for each thread and should have for each stack.
struct Aside {
    frames: Option<(DataStack, Waiting)>,
    frame: *const InterpreterFrame,
    exception: Option<PyBaseExceptionRef>,
    /// The contexts of context variables.
    variables: Vec<PyObjectRef>,
    recursion: usize,
    /// How many calls into C are under way, with what they were lent, and the exception that they handle.
    depth: u32,
    lists: Vec<LentList>,
    shown: *mut c::PyObject,
}

impl Stack {
    const fn new(is_main: bool) -> Self {
        Self { previous: 0, size: SIZE, top: 0, is_main, aside: UnsafeCell::new(None) }
    }
}

/// What a thread knows of its stacks.
pub(super) struct Stacks {
    /// The one that the thread began with.
    main: Stack,
    /// The address of the one that the VM has at the moment; [`ENDED`] if that one is over.
    running: Cell<usize>,
    /// By how much the recursion limit was raised for what stands on the other stacks.
    raised: Cell<usize>,
    /// How many calls into C are under way on the other stacks.
    elsewhere: Cell<u32>,
}

/// No stack's address.
const ENDED: usize = 1;

impl Stacks {
    pub(super) const fn new() -> Self {
        Self { main: Stack::new(true), running: Cell::new(0), raised: Cell::new(0), elsewhere: Cell::new(0) }
    }

    /// What `datastack_chunk` of a new thread's state is.
    pub(super) fn begin(&self) -> usize {
        let main = &raw const self.main as usize;
        self.running.set(main);
        self.raised.set(0);
        self.elsewhere.set(0);
        main
    }
}

/// Whether calls into C are under way on other stacks of this thread.
#[inline]
pub(super) fn is_elsewhere(context: &Context) -> bool {
    context.stacks.elsewhere.get() != 0
}

/// Looks whether another stack runs than at the last look.
#[inline]
pub(super) fn look(context: &'static Context) {
    // SAFETY: this thread's state.
    let running = unsafe { (*context.state()).datastack_chunk };
    if running != context.stacks.running.get() {
        switched(context);
    }
}

#[cold]
fn switched(context: &'static Context) {
    try_with_current_vm(|vm| {
        // SAFETY: this thread's state. What is in its field is a stack of ours that has not ended, or nothing on a new one.
        unsafe {
            let place = &mut (*context.state()).datastack_chunk;
            let before = context.stacks.running.get();
            let is_new = *place == 0;
            if is_new {
                *place = Box::into_raw(Box::new(Stack::new(false))) as usize;
            }
            context.stacks.running.set(*place);
            if is_new && before == ENDED {
                return; // it goes on with what the ended one had
            }
            let next = &*(*place as *const Stack);
            let elsewhere = &context.stacks.elsewhere;
            let aside = (*next.aside.get()).take();
            if let Some(aside) = &aside {
                elsewhere.update(|depth| depth - aside.depth);
            }
            let outgoing = exchange(vm, context, aside.unwrap_or_else(Aside::new));
            if before == ENDED {
                outgoing.end();
            } else {
                elsewhere.update(|depth| depth + outgoing.depth);
                *(*(before as *const Stack)).aside.get() = Some(outgoing);
            }
        }
    });
}

impl Aside {
    /// A stack on which nothing has run.
    fn new() -> Self {
        // The VM's vector is like any other, and an empty one has no items.
        const NOTHING: Vec<usize> = Vec::new();
        let waiting = EMPTY.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let waiting = waiting.unwrap_or_else(|| words(&NOTHING).try_into().expect("a vector has three words"));
        Self {
            frames: Some((DataStack::new(), waiting)),
            frame: std::ptr::null(),
            exception: None,
            variables: Vec::new(),
            recursion: 0,
            depth: 1, // the function that begins it
            lists: Vec::new(),
            shown: std::ptr::null_mut(),
        }
    }
}

impl Aside {
    /// Nothing runs on the stack any more.
    fn end(self) {
        if let Some((_, waiting)) = self.frames
            && Vector::of_words().is_some_and(|vector| waiting[vector.length] == 0)
        {
            EMPTY.lock().unwrap_or_else(PoisonError::into_inner).push(waiting);
        }
        if let Some(exception) = self.exception {
            managed::drop_managed(exception.into());
        }
        self.variables.into_iter().for_each(managed::drop_managed);
        self.lists.into_iter().for_each(LentList::drop);
    }
}

/// Gives the VM what a stack has, and takes out what it had.
unsafe fn exchange(vm: &VirtualMachine, context: &Context, incoming: Aside) -> Aside {
    // All frames that stand count, on whatever stack.
    let standing = vm.current_recursion_depth();
    let raised = context.stacks.raised.replace(standing - incoming.recursion.min(standing));
    vm.recursion_limit.set(vm.recursion_limit.get().saturating_sub(raised) + context.stacks.raised.get());
    let outgoing = Aside {
        // SAFETY: the VM's own, on its own thread, and not in use while C code runs.
        frames: incoming.frames.zip(places_of(vm)).map(|((memory, waiting), places)| unsafe {
            (std::ptr::replace(places.0, memory), std::ptr::replace(places.1, waiting))
        }),
        frame: set_current_frame(incoming.frame),
        exception: vm.current_exception(),
        variables: vm.context_stack.replace(incoming.variables),
        recursion: standing - raised.min(standing),
        depth: context.depth.replace(incoming.depth),
        shown: context.shown.replace(incoming.shown),
        lists: context.lent_lists.replace(incoming.lists),
    };
    context.lists_lent.set(context.lent_lists.borrow().last().map_or(0, LentList::next_depth));
    vm.set_exception(incoming.exception);
    outgoing
}

/// A stack is over: greenlet frees what it takes for the stack's chunk of frames.
///
/// # Safety
/// `chunk` was given with [`SIZE`] for its size.
pub(crate) unsafe fn end(context: &Context, chunk: *mut std::ffi::c_void) {
    let chunk = chunk.cast::<Stack>();
    // SAFETY: by contract; what is not a thread's first is a box that nobody has any more.
    unsafe {
        if (*chunk).is_main {
            return;
        }
        if context.stacks.running.get() == chunk as usize {
            context.stacks.running.set(ENDED);
        }
        let Some(aside) = Box::from_raw(chunk).aside.into_inner() else { return };
        context.stacks.elsewhere.update(|depth| depth - aside.depth);
        aside.end();
    }
}

/// Where the VM has its memory for frames, and its list of those that wait for one that they called, in bytes from its start.
/// Both fields are private: they are found by what is in them.
struct Places {
    memory: usize,
    waiting: usize,
}

/// None if one of them is not to be found just once.
static PLACES: OnceLock<Option<Places>> = OnceLock::new();

/// The size of the first piece of a memory for frames, in bytes.
const CHUNK: usize = 16 << 10;
/// And of the largest that is looked for.
const LARGEST: usize = CHUNK << 10;
/// How many calls of Python functions are under way when the VM is looked at.
const DEPTHS: [usize; 3] = [3, 7, 12];
/// A function that calls itself so often and then another one, called until the VM has made its calls fast ones.
const NESTED: &str = "
def nested(depth, then):
    return nested(depth - 1, then) if depth else then()
for _ in range(200):
    nested(3, int)
";

/// Finds the places. Once, before C code is loaded.
pub(crate) fn find_places(vm: &VirtualMachine) {
    PLACES.get_or_init(|| {
        let memory = find_memory(&words(vm))?;
        let waiting = find_waiting(&seen_at_depths(vm).ok()?)?;
        Some(Places { memory, waiting })
    });
}

/// The VM's words at each of [`DEPTHS`].
fn seen_at_depths(vm: &VirtualMachine) -> PyResult<Vec<Vec<usize>>> {
    static SEEN: Mutex<Vec<Vec<usize>>> = Mutex::new(Vec::new());
    let scope = vm.new_scope_with_builtins();
    let code = vm.compile(NESTED, Mode::Exec, "<stacks>").map_err(|error| error.into_pyexception(vm, None))?;
    vm.run_code_obj(code, scope.clone())?;
    let nested = scope.globals.get_item("nested", vm)?;
    let look = vm.new_function("look", |vm: &VirtualMachine| {
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).push(words(vm));
    });
    for depth in DEPTHS {
        nested.call((depth, look.clone()), vm)?;
    }
    Ok(std::mem::take(&mut *SEEN.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// A chunk, whose size is the first's or the double, and so on, with a place in it.
fn find_memory(all: &[usize]) -> Option<usize> {
    let sample = words(&DataStack::new());
    let (chunk, limit) = (0..sample.len())
        .flat_map(|low| (0..sample.len()).map(move |high| (low, high)))
        .find(|(low, high)| sample[*high].checked_sub(sample[*low]) == Some(CHUNK))?;
    let top = (0..sample.len()).find(|at| sample[*at] > sample[chunk] && sample[*at] < sample[limit])?;
    only((0..=all.len() - sample.len()).filter(|at| {
        let word = |index: usize| all[at + index];
        let size = word(limit).saturating_sub(word(chunk));
        let is_chunk = size.is_power_of_two() && (CHUNK..=LARGEST).contains(&size);
        is_chunk && word(chunk) < word(top) && word(top) <= word(limit)
    }))
}

/// A vector that has one more item for each call that is under way.
fn find_waiting(seen: &[Vec<usize>]) -> Option<usize> {
    let Vector { room, items, length } = Vector::of_words()?;
    only((0..=seen.first()?.len() - size_of::<Waiting>() / size_of::<usize>()).filter(|at| {
        let word = |moment: usize, index: usize| seen[moment][at + index];
        let grows = |moment: usize| {
            word(moment + 1, length).checked_sub(word(moment, length)) == Some(DEPTHS[moment + 1] - DEPTHS[moment])
        };
        let is_vector =
            |moment: usize| (word(moment, length)..CHUNK).contains(&word(moment, room)) && word(moment, items) > CHUNK;
        grows(0) && grows(1) && (0..DEPTHS.len()).all(is_vector)
    }))
}

/// Which word of a vector says what.
struct Vector {
    room: usize,
    items: usize,
    length: usize,
}

impl Vector {
    fn of_words() -> Option<Self> {
        let sample = words(&Vec::<usize>::with_capacity(CHUNK));
        let room = sample.iter().position(|word| *word == CHUNK)?;
        let length = sample.iter().position(|word| *word == 0)?;
        Some(Self { room, items: 3 - room - length, length })
    }
}

/// The only one of the places that fit, in bytes.
fn only(mut found: impl Iterator<Item = usize>) -> Option<usize> {
    found.next().filter(|_| found.next().is_none()).map(|at| at * size_of::<usize>())
}

/// A value's memory, in words.
fn words<T>(value: &T) -> Vec<usize> {
    const { assert!(align_of::<T>() >= align_of::<usize>()) };
    let start = std::ptr::from_ref(value).cast::<usize>();
    // SAFETY: inside the value; words of padding are read as whatever they are.
    (0..size_of::<T>() / size_of::<usize>()).map(|at| unsafe { start.add(at).read_volatile() }).collect()
}

/// A vector of the VM's frames that wait, whose items nobody but the VM knows.
type Waiting = [usize; 3];

/// The VM's memory for frames, and the frames that wait.
fn places_of(vm: &VirtualMachine) -> Option<(*mut DataStack, *mut Waiting)> {
    let places = PLACES.get()?.as_ref()?;
    let at = |offset| std::ptr::from_ref(vm).cast_mut().wrapping_byte_add(offset);
    Some((at(places.memory).cast(), at(places.waiting).cast()))
}

/// Vectors of stacks that ended: empty, with the room that they have.
static EMPTY: Mutex<Vec<Waiting>> = Mutex::new(Vec::new());

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifetime::testing::with_vm;

    #[test]
    fn the_places_of_frames_are_found() {
        with_vm(|vm| {
            find_places(vm);
            let (memory, waiting) = places_of(vm).expect("are found");
            // SAFETY: the VM's own, which nobody uses now; what is pushed is taken back.
            unsafe {
                let place = (*memory).push(64);
                (*memory).pop(place);
                assert!((*memory).has_space(64));
                assert!((*waiting).contains(&0), "no call is under way");
            }
        });
    }
}
