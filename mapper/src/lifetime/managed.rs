//! Counts of managed objects. Dropping a managed object's last reference can run Python code (`__del__`, callbacks of weak
//! references) or wait, which must not happen under the C lock; dropping any other reference cannot. The VM has no way to give
//! a reference up only if it is not the last one.
//!
//! LAYOUT: the count is the first word of an object, flags in its upper four bits (`rustpython-common`, `refcount.rs`).
//! `prepare` makes sure of it; if it is not so, every reference counts as the last.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustpython_vm::{PyObject, PyObjectRef, VirtualMachine};

use crate::lifetime::thread;

const IMMORTAL: usize = 1 << (usize::BITS - 4);
const COUNT: usize = IMMORTAL - 1;

static KNOWN: AtomicBool = AtomicBool::new(false);

/// The classes whose objects hold nothing and end without running code.
static PLAIN: OnceLock<[usize; 6]> = OnceLock::new();
/// So many of them are of values that no operation warns of.
const VALUES: usize = 4;

/// The word that has the count.
fn word(object: &PyObject) -> &AtomicUsize {
    // SAFETY: an object is longer than a word, aligned, and its first word is only changed atomically.
    unsafe { &*std::ptr::from_ref(object).cast::<AtomicUsize>() }
}

/// Finds out whether counts are where this module looks for them. Once, before any C code runs.
pub(crate) fn prepare(vm: &VirtualMachine) {
    let object: PyObjectRef = vm.ctx.new_list(vec![]).into();
    let read = || word(&object).load(Ordering::Relaxed);
    let one = read();
    let other = object.clone();
    let two = read();
    drop(other);
    let none = vm.ctx.none();
    let immortal = word(&none).load(Ordering::Relaxed) & IMMORTAL != 0;
    KNOWN.store(one == 1 && two == 2 && read() == 1 && immortal, Ordering::Relaxed);
    let types = &vm.ctx.types;
    let plain =
        [types.int_type, types.str_type, types.float_type, types.complex_type, types.bytes_type, types.bool_type];
    let _ = PLAIN.set(plain.map(|class| std::ptr::from_ref(class) as usize));
}

/// Gives up a reference, unless it is the last one: then nothing is changed, and false.
#[inline]
fn give_up_shared(object: &PyObject) -> bool {
    if !KNOWN.load(Ordering::Relaxed) {
        return false;
    }
    let word = word(object);
    let mut now = word.load(Ordering::Relaxed);
    loop {
        if now & IMMORTAL != 0 {
            return true;
        }
        if now & COUNT <= 1 {
            return false;
        }
        match word.compare_exchange_weak(now, now - 1, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(changed) => now = changed,
        }
    }
}

/// Whether an object's end runs no code and waits for nobody.
#[inline]
fn ends_quietly(object: &PyObject) -> bool {
    let class = std::ptr::from_ref(object.class()) as usize;
    PLAIN.get().is_some_and(|plain| plain.contains(&class))
}

/// Calls back into the VM with operands that it works on: without the C lock, unless all are exact ints, strs, floats or
/// complex numbers. What is done with those runs no Python code.
#[inline]
pub(crate) fn leave_for<R, const N: usize>(vm: &VirtualMachine, operands: [&PyObject; N], f: impl FnOnce() -> R) -> R {
    let is_value = |object: &&PyObject| {
        let class = std::ptr::from_ref(object.class()) as usize;
        PLAIN.get().is_some_and(|plain| plain[..VALUES].contains(&class))
    };
    if operands.iter().all(is_value) { f() } else { thread::leave(vm, f) }
}

/// Drops a reference; without the C lock if the object's end might run Python code or wait.
pub(crate) fn drop_managed(object: PyObjectRef) {
    if ends_quietly(&object) {
        return drop(object);
    }
    if give_up_shared(&object) {
        std::mem::forget(object);
        return;
    }
    thread::outside(|| drop(object));
}

#[cfg(test)]
mod tests {
    use rustpython_vm::builtins::PyType;
    use rustpython_vm::object::{MaybeTraverse, TraverseFn};
    use rustpython_vm::{Context, Py, PyPayload, PyRef};

    use super::*;
    use crate::lifetime::testing::with_vm;

    /// A payload that notes at its end whether the C lock was held: 1 if not, 2 if so.
    #[derive(Debug)]
    struct Ending;
    static ENDED: AtomicUsize = AtomicUsize::new(0);

    impl Drop for Ending {
        fn drop(&mut self) {
            ENDED.store(1 + usize::from(thread::holds_lock()), Ordering::Relaxed);
        }
    }

    impl MaybeTraverse for Ending {
        fn try_traverse(&self, _: &mut TraverseFn<'_>) {}
    }

    impl PyPayload for Ending {
        fn class(context: &Context) -> &'static Py<PyType> {
            context.types.object_type
        }
    }

    #[test]
    fn counts_are_where_they_are_looked_for() {
        with_vm(|vm| {
            assert!(KNOWN.load(Ordering::Relaxed), "RustPython has moved its counts");
            let object: PyObjectRef = vm.ctx.new_list(vec![]).into();
            let others = vec![object.clone(); 5];
            assert_eq!(word(&object).load(Ordering::Relaxed) & COUNT, object.strong_count());
            drop(others);
            assert_eq!(word(&object).load(Ordering::Relaxed) & COUNT, 1);
        });
    }

    #[test]
    fn only_a_shared_reference_is_given_up() {
        with_vm(|vm| {
            let object: PyObjectRef = vm.ctx.new_list(vec![]).into();
            assert!(!give_up_shared(&object) && object.strong_count() == 1);
            std::mem::forget(object.clone());
            assert!(give_up_shared(&object) && object.strong_count() == 1);
            assert!(!give_up_shared(&object) && object.strong_count() == 1);
            let none = vm.ctx.none();
            let before = word(&none).load(Ordering::Relaxed);
            assert!(give_up_shared(&none));
            assert_eq!(word(&none).load(Ordering::Relaxed), before, "immortal objects are not counted");
        });
    }

    #[test]
    fn references_that_two_threads_give_up_leave_one() {
        with_vm(|vm| {
            let object: PyObjectRef = vm.ctx.new_list(vec![]).into();
            (0..2000).for_each(|_| std::mem::forget(object.clone()));
            let given_up = std::thread::scope(|scope| {
                let give_up = || (0..1500).filter(|_| give_up_shared(&object)).count();
                [scope.spawn(give_up), scope.spawn(give_up)].map(|thread| thread.join().unwrap())
            });
            assert_eq!((given_up.iter().sum::<usize>(), object.strong_count()), (2000, 1));
        });
    }

    #[test]
    fn what_may_run_code_ends_without_the_lock() {
        with_vm(|vm| {
            let object: PyObjectRef = PyRef::new_ref(Ending, vm.ctx.types.object_type.to_owned(), None).into();
            let _section = thread::enter(vm);
            drop_managed(object.clone());
            assert_eq!((ENDED.load(Ordering::Relaxed), object.strong_count()), (0, 1));
            drop_managed(object);
            assert_eq!(ENDED.load(Ordering::Relaxed), 1);
            assert!(thread::holds_lock());
        });
    }
}
