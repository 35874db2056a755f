//! Tests of the end of things.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::heap::testing::{class, object};
use crate::lifetime::testing::with_vm;

static ENDED: AtomicU32 = AtomicU32::new(0);
static DEEPEST: AtomicU32 = AtomicU32::new(0);

/// The deallocator of an object that owns the next one, whose pointer lies behind its head.
unsafe extern "C" fn end_link(block: Block) {
    ENDED.fetch_add(1, Ordering::Relaxed);
    DEEPEST.fetch_max(thread::context().nesting.get(), Ordering::Relaxed);
    // SAFETY: made by the test below.
    unsafe {
        let next = block.add(1).cast::<Block>().read();
        free(block);
        xdecref(next);
    }
}

#[test]
fn a_long_chain_ends_without_deep_nesting() {
    const LINKS: u32 = 100_000;
    with_vm(|vm| {
        let _section = thread::enter(vm);
        let class = class(Kind::Instance);
        class.tp_dealloc = Some(end_link);
        let mut first: Block = std::ptr::null_mut();
        // SAFETY: fresh objects with room for a pointer behind their heads.
        unsafe {
            for _ in 0..LINKS {
                let link = object(class);
                (*link).ob_refcnt = 1;
                link.add(1).cast::<Block>().write(first);
                first = link;
            }
            decref(first);
        }
        assert_eq!(ENDED.load(Ordering::Relaxed), LINKS);
        assert!(DEEPEST.load(Ordering::Relaxed) <= NESTING);
        assert_eq!((thread::context().nesting.get(), thread::context().waiting.borrow().len()), (0, 0));
    });
}

#[test]
fn a_value_may_change_while_nobody_else_knows_it() {
    with_vm(|vm| {
        let _section = thread::enter(vm);
        let twin: PyObjectRef = vm.ctx.new_str("not interned").into();
        let block = object(class(Kind::Unicode));
        handle::tie(block, &twin);
        // SAFETY: the block is tied to the twin.
        unsafe {
            handle::hold(block, &twin);
            assert!(!make_sole(block), "Python holds the twin");
            drop(twin);
            handle::incref(block);
            assert!(!make_sole(block), "C code counts it twice");
            decref(block);
            assert!(make_sole(block));
            let header = header_of(block);
            assert!(header.twin().is_null() && !header.has(flag::OWNS_TWIN));
            assert!(make_sole(block), "there is no twin");
            decref(block);
            assert!(!header.has(flag::LIVE));
        }
    });
}

#[test]
fn who_saves_a_dying_object_has_it() {
    with_vm(|vm| {
        let _section = thread::enter(vm);
        let twin: PyObjectRef = vm.ctx.new_list(vec![]).into();
        let block = object(class(Kind::Instance));
        let header = header(block).expect("a block of ours");
        // SAFETY: the test's block.
        unsafe {
            header.set(flag::DYING);
            revive(block);
            assert!(!header.has(flag::DYING) && (*block).ob_refcnt == 1);
            assert!(end_again(block) && header.has(flag::DYING) && (*block).ob_refcnt == 0);
            // C code saves it.
            revive(block);
            handle::incref(block);
            assert!(!end_again(block) && (*block).ob_refcnt == 1);
            // Python code saves it.
            handle::tie(block, &twin);
            handle::adopt(block, &twin);
            assert!(!end_again(block) && !header.has(flag::OWNS_TWIN | flag::DYING));
            assert_eq!(((*block).ob_refcnt, twin.strong_count()), (0, 1));
            handle::untie(&raw const *twin);
            header.set_twin(std::ptr::null());
            free(block);
        }
    });
}
