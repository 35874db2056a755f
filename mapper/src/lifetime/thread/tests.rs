//! Tests of contexts and sections.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use rustpython_vm::vm::thread::allow_threads;

use super::*;
use crate::heap::block;
use crate::heap::kind::Kind;
use crate::heap::testing::{alone, class, object};
use crate::lifetime::testing::with_vm;

#[test]
fn contexts_of_ended_threads_are_used_again() {
    let _alone = alone();
    let (mut contexts, mut ids) = (HashSet::new(), HashSet::new());
    for _ in 0..250 {
        let run = || {
            in_section(|| assert!(holds_lock()));
            // SAFETY: this thread's state.
            let state = unsafe { &*state() };
            assert_eq!((state.thread_id, state.gilstate_counter), (platform::thread_id(), 1));
            (state as *const c::PyThreadState as usize, state.id)
        };
        for thread in [(); 4].map(|()| std::thread::spawn(run)) {
            let (context, id) = thread.join().unwrap();
            contexts.insert(context);
            assert!(ids.insert(id), "another thread had this number");
        }
    }
    // Other tests' threads have left some, too.
    assert!(contexts.len() < 50, "{} contexts for 1000 threads, 4 at a time", contexts.len());
}

#[test]
fn sections_nest_and_are_left() {
    with_vm(|vm| {
        let depth = || context().depth.get();
        let outer = enter(vm);
        drop(section(vm));
        assert!(holds_lock() && depth() == 1);
        leave(vm, || {
            assert!(!holds_lock());
            leave(vm, || assert!(!holds_lock()));
            let inner = enter(vm);
            assert!(holds_lock() && depth() == 2);
            drop(inner);
            assert!(!holds_lock());
            // Meanwhile another thread gets it.
            std::thread::spawn(|| in_section(|| assert!(holds_lock()))).join().unwrap();
        });
        assert!(holds_lock() && depth() == 1);
        outside(|| assert!(!holds_lock()));
        drop(outer);
        assert!(!holds_lock() && depth() == 0);
    });
}

#[test]
fn the_lock_is_taken_again_when_what_was_called_fails() {
    with_vm(|vm| {
        let section = enter(vm);
        let failed = catch_unwind(AssertUnwindSafe(|| leave(vm, || resume_unwind(Box::new(())))));
        assert!(failed.is_err_and(|it| it.is::<()>()) && holds_lock());
        drop(section);
        assert!(!holds_lock());
    });
}

#[test]
fn a_foreign_thread_joins_and_goes() {
    fn foreign() {
        assert!(!is_known());
        for _ in 0..3 {
            let first = ensure();
            assert!(!first && holds_lock() && is_known());
            let second = ensure();
            assert!(second);
            release(second);
            save();
            assert!(!holds_lock() && is_known());
            // Without the lock, `PyGILState_Ensure` takes it, and its counterpart gives it up again.
            let third = ensure();
            assert!(!third && holds_lock());
            release(third);
            assert!(!holds_lock());
            restore();
            assert!(holds_lock());
            release(first);
            assert!(!holds_lock() && !is_known());
        }
    }
    with_vm(|vm| allow_threads(vm, || std::thread::spawn(foreign).join().unwrap()));
}

/// A thread that ends although C code has asked for its state once more than it gave it back.
fn leave_behind(dict: *mut c::PyObject) {
    assert!(!is_known(), "a thread that has ended is taken for this one");
    let held = ensure();
    assert!(!held && holds_lock());
    // SAFETY: this thread's state, which takes the reference over.
    unsafe { (*state()).dict = dict };
    save();
}

#[test]
fn what_a_thread_leaves_behind_is_not_the_next_ones() {
    with_vm(|vm| {
        let (block, header) = {
            let _section = enter(vm);
            let block = object(class(Kind::Opaque));
            // SAFETY: a fresh object.
            unsafe { (*block).ob_refcnt = 1 };
            (block as usize, block::header(block).expect("a block of ours"))
        };
        allow_threads(vm, || {
            std::thread::spawn(move || leave_behind(block as _)).join().unwrap();
            std::thread::spawn(|| leave_behind(std::ptr::null_mut())).join().unwrap();
        });
        let _section = enter(vm);
        assert!(!header.has(block::flag::LIVE));
    });
}
