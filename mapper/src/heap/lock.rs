//! The C lock: one thread at a time in C code and in block memory, as the GIL has it in CPython.
//!
//! It is biased to its last thread, for whom taking and releasing it are two plain stores and two loads: the thread
//! announces that it holds the lock and then looks whether somebody wants it. Somebody who does asks for the bias, has
//! the system fence all threads (so that either he sees the announcement or the thread sees his wish) and waits until
//! the lock is free. Waiting is detached from the VM, or a collection could not stop the world.

use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering, compiler_fence, fence};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use rustpython_vm::VirtualMachine;

/// A thread's side of the lock. Lives as long as the process, for another thread may look at it at any time.
pub(crate) struct Slot {
    held: AtomicBool,
    wanted: AtomicBool,
}

impl Slot {
    pub(crate) const fn new() -> Self {
        Self { held: AtomicBool::new(false), wanted: AtomicBool::new(false) }
    }

    /// Whether this thread holds the lock.
    #[inline]
    pub(crate) fn holds(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }
}

/// The slot of the thread that may take the lock without asking.
static BIAS: AtomicPtr<Slot> = AtomicPtr::new(std::ptr::null_mut());
/// Held by the one thread that is moving the bias.
static MOVING: Mutex<()> = Mutex::new(());
static RELEASED: Condvar = Condvar::new();
static RELEASE: Mutex<()> = Mutex::new(());
/// Set where the system cannot fence other threads: then every taker fences for himself.
static FENCE_OURSELVES: AtomicBool = AtomicBool::new(false);

/// Prepares the lock; once, at start-up.
pub(crate) fn prepare() {
    FENCE_OURSELVES.store(!crate::abi::platform::register_fence(), Ordering::Relaxed);
}

/// Takes the lock. The calling thread must not hold it.
#[inline]
pub(crate) fn acquire(slot: &'static Slot, vm: Option<&VirtualMachine>) {
    debug_assert!(!slot.holds());
    slot.held.store(true, Ordering::Relaxed);
    if FENCE_OURSELVES.load(Ordering::Relaxed) {
        fence(Ordering::SeqCst);
    }
    compiler_fence(Ordering::SeqCst);
    // In this order: who moves the bias stores it before he takes his wish back.
    if slot.wanted.load(Ordering::Acquire) || !std::ptr::eq(BIAS.load(Ordering::Relaxed), slot) {
        acquire_slow(slot, vm);
    }
}

/// Releases the lock, which the calling thread holds.
#[inline]
pub(crate) fn release(slot: &'static Slot) {
    slot.held.store(false, Ordering::Release);
    compiler_fence(Ordering::SeqCst);
    if slot.wanted.load(Ordering::Relaxed) {
        notify();
    }
}

#[cold]
fn notify() {
    drop(RELEASE.lock());
    RELEASED.notify_all();
}

#[cold]
fn acquire_slow(slot: &'static Slot, vm: Option<&VirtualMachine>) {
    slot.held.store(false, Ordering::Release);
    if slot.wanted.load(Ordering::Relaxed) {
        notify();
    }
    match vm {
        Some(vm) => rustpython_vm::vm::thread::allow_threads(vm, || move_bias(slot)),
        None => move_bias(slot),
    }
}

fn move_bias(slot: &'static Slot) {
    let moving = MOVING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let old = BIAS.load(Ordering::Relaxed);
    // SAFETY: slots live for ever.
    if let Some(old) = unsafe { old.as_ref() }
        && !std::ptr::eq(old, slot)
    {
        old.wanted.store(true, Ordering::SeqCst);
        crate::abi::platform::fence_all_threads();
        fence(Ordering::SeqCst);
        let mut guard = RELEASE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while old.held.load(Ordering::Acquire) {
            // The time-out is for a holder that checked `wanted` just before it was set.
            guard = RELEASED
                .wait_timeout(guard, Duration::from_millis(1))
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .0;
        }
        drop(guard);
        slot.held.store(true, Ordering::Relaxed);
        BIAS.store(std::ptr::from_ref(slot).cast_mut(), Ordering::SeqCst);
        old.wanted.store(false, Ordering::SeqCst);
    } else {
        slot.held.store(true, Ordering::Relaxed);
        BIAS.store(std::ptr::from_ref(slot).cast_mut(), Ordering::SeqCst);
    }
    drop(moving);
}

#[cfg(test)]
mod tests {
    use std::cell::UnsafeCell;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::heap::testing::alone;

    /// How often each thread takes the lock.
    const ROUNDS: u64 = 2000;

    /// What only the lock protects.
    struct Counter(UnsafeCell<u64>);
    // SAFETY: touched with the lock held; that this suffices is what is tested.
    unsafe impl Sync for Counter {}

    fn slot() -> &'static Slot {
        Box::leak(Box::new(Slot::new()))
    }

    /// Has threads count under the lock, within a time limit.
    fn hammer(threads: u64) {
        static COUNTER: Counter = Counter(UnsafeCell::new(0));
        // SAFETY: no other thread counts yet.
        unsafe { *COUNTER.0.get() = 0 };
        let (done, waiting) = channel();
        for _ in 0..threads {
            let done = done.clone();
            std::thread::spawn(move || {
                let slot = slot();
                for _ in 0..ROUNDS {
                    acquire(slot, None);
                    assert!(slot.holds() && std::ptr::eq(BIAS.load(Ordering::Relaxed), slot));
                    // SAFETY: the lock is held. In two steps, so that another holder would be seen.
                    unsafe {
                        let count = COUNTER.0.get().read_volatile();
                        std::hint::spin_loop();
                        COUNTER.0.get().write_volatile(count + 1);
                    }
                    release(slot);
                    assert!(!slot.holds());
                }
                done.send(()).unwrap();
            });
        }
        for _ in 0..threads {
            waiting.recv_timeout(Duration::from_secs(60)).expect("a thread failed or waits for ever");
        }
        // SAFETY: all have counted.
        assert_eq!(unsafe { *COUNTER.0.get() }, threads * ROUNDS);
    }

    #[test]
    fn one_thread_at_a_time_holds_the_lock() {
        let _alone = alone();
        hammer(2);
        hammer(4);
    }

    #[test]
    fn the_lock_holds_where_the_system_cannot_fence() {
        let _alone = alone();
        let before = FENCE_OURSELVES.swap(true, Ordering::SeqCst);
        hammer(3);
        FENCE_OURSELVES.store(before, Ordering::SeqCst);
    }

    #[test]
    fn the_bias_goes_to_who_takes_the_lock_and_stays() {
        let _alone = alone();
        let (one, other) = (slot(), slot());
        for slot in [one, one, other, one] {
            acquire(slot, None);
            release(slot);
            assert!(std::ptr::eq(BIAS.load(Ordering::Relaxed), slot));
            assert!(!one.wanted.load(Ordering::Relaxed) && !other.wanted.load(Ordering::Relaxed));
        }
    }

    #[test]
    fn who_wants_the_lock_waits_until_it_is_free() {
        let _alone = alone();
        let (one, other) = (slot(), slot());
        let (got, wait) = channel();
        acquire(one, None);
        let taker = std::thread::spawn(move || {
            acquire(other, None);
            got.send(()).unwrap();
            release(other);
        });
        while !one.wanted.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        assert!(wait.recv_timeout(Duration::from_millis(20)).is_err());
        release(one);
        wait.recv_timeout(Duration::from_secs(60)).expect("the lock is free");
        taker.join().unwrap();
    }
}
