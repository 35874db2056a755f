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
        [types.int_type, types.str_type, types.float_type, types.bytes_type, types.complex_type, types.bool_type];
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
