//! The memory of managed buffers as C sees it. It is where the VM says, but for items behind pointers (suboffsets), which the VM
//! cannot follow: it gets a copy of the items in one piece, with a gap behind each so that it is not taken for one. The copy is
//! made anew whenever the VM looks at the memory, and what the VM writes into it goes back when the write is done.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, Once};

use rustpython_vm::builtins::{PyGetSet, PyMemoryView};
use rustpython_vm::protocol::{BufferFlags, PyBuffer};
use rustpython_vm::{PyObject, PyObjectRef, PyPayload, PyResult, VirtualMachine};

use super::formats;

/// The memory of a buffer.
pub(crate) struct Memory<'a> {
    pub(crate) start: *mut u8,
    pub(crate) format: Cow<'a, str>,
    pub(crate) shape: Vec<isize>,
    pub(crate) strides: Vec<isize>,
    /// Empty if no item is behind a pointer.
    pub(crate) suboffsets: Vec<isize>,
}

impl<'a> Memory<'a> {
    /// The memory of a buffer, as long as that is open.
    pub(crate) fn of(buffer: &'a PyBuffer) -> Self {
        behind_pointers(buffer).unwrap_or_else(|| Self::at(buffer, start(buffer)))
    }

    fn at(buffer: &'a PyBuffer, start: *mut u8) -> Self {
        let desc = &buffer.desc;
        Memory {
            start,
            format: Cow::Borrowed(formats::real(&desc.format)),
            shape: desc.dim_desc.iter().map(|(length, ..)| *length as isize).collect(),
            strides: desc.dim_desc.iter().map(|(_, stride, _)| *stride).collect(),
            suboffsets: Vec::new(),
        }
    }
}

/// The memory of a buffer with items behind pointers, which the VM knows a copy of.
pub(super) fn behind_pointers(buffer: &PyBuffer) -> Option<Memory<'_>> {
    let copy = Copied::of(buffer)?;
    let mut memory = Memory::at(buffer, copy.start);
    copy.place(&mut memory, buffer.desc.offset);
    Some(memory)
}

/// Whether an object's memory has items behind pointers.
pub(crate) fn is_behind_pointers(vm: &VirtualMachine, object: &PyObject) -> bool {
    COUNT.load(Ordering::Relaxed) != 0
        && object.downcastable::<PyMemoryView>()
        && PyBuffer::from_object(vm, object, BufferFlags::FULL_RO).is_ok_and(|buffer| Copied::of(&buffer).is_some())
}

/// Where a buffer's first element is, for the VM.
pub(super) fn start(buffer: &PyBuffer) -> *mut u8 {
    let start =
        if buffer.desc.readonly { buffer.obj_bytes().as_ptr().cast_mut() } else { buffer.obj_bytes_mut().as_mut_ptr() };
    start.wrapping_offset(buffer.desc.offset)
}

/// A copy of items that are behind pointers.
pub(crate) struct Copied {
    start: *mut u8,
    shape: Vec<isize>,
    strides: Vec<isize>,
    suboffsets: Vec<isize>,
    itemsize: usize,
    /// The items, and the distance of two in each dimension.
    items: Box<[u8]>,
    steps: Vec<isize>,
    /// Whether the VM has got the copy to write into.
    written: AtomicBool,
}

/// All copies, by the address of their items.
static COPIES: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn copies() -> std::sync::MutexGuard<'static, BTreeMap<usize, usize>> {
    COPIES.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Copied {
    /// A copy of what C code exports, with as many strides and suboffsets as the shape has entries.
    pub(crate) fn new(
        vm: &VirtualMachine,
        start: *mut u8,
        (shape, strides, suboffsets): (Vec<isize>, Vec<isize>, Vec<isize>),
        itemsize: usize,
    ) -> Box<Self> {
        show_numbers(vm);
        let mut steps = vec![itemsize as isize + 1; shape.len()];
        for index in (1..shape.len()).rev() {
            steps[index - 1] = steps[index] * shape[index].max(1);
        }
        let size = steps.first().map_or(0, |step| step * shape[0].max(1)) as usize;
        let items = vec![0; size].into_boxed_slice();
        let copy = Box::new(Self {
            start,
            shape,
            strides,
            suboffsets,
            itemsize,
            items,
            steps,
            written: AtomicBool::new(false),
        });
        copies().insert(copy.items.as_ptr() as usize, std::ptr::from_ref(&*copy) as usize);
        COUNT.fetch_add(1, Ordering::Relaxed);
        copy
    }

    /// The copy behind a buffer, if it has one.
    fn of(buffer: &PyBuffer) -> Option<&Self> {
        if COUNT.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let found = copies().get(&(buffer.obj_bytes().as_ptr() as usize)).copied()?;
        // SAFETY: the buffer keeps its copy, which is listed as long as it lives.
        Some(unsafe { &*(found as *const Self) })
    }

    pub(crate) fn steps(&self) -> &[isize] {
        &self.steps
    }

    /// The copy, up to date.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.write_back();
        self.each(|item, copy| {
            // SAFETY: an item and its place in the copy; nobody else writes into copies but `write_back`'s writers.
            unsafe { copy.copy_from_nonoverlapping(item, self.itemsize) };
        });
        &self.items
    }

    /// The copy, up to date and to be written into.
    #[expect(clippy::mut_from_ref, reason = "memory that the VM shares as C code does")]
    pub(crate) fn bytes_mut(&self) -> &mut [u8] {
        let length = self.bytes().len();
        self.written.store(true, Ordering::Relaxed);
        // SAFETY: the copy's own memory, shared as C code would share it.
        unsafe { std::slice::from_raw_parts_mut(self.items.as_ptr().cast_mut(), length) }
    }

    /// Hands on what was written into the copy.
    fn write_back(&self) {
        if self.written.swap(false, Ordering::Relaxed) {
            // SAFETY: as in `bytes`; only a writable buffer is written into.
            self.each(|item, copy| unsafe { item.copy_from_nonoverlapping(copy, self.itemsize) });
        }
    }

    /// Calls `f` with the place of each item and that of its copy.
    fn each(&self, mut f: impl FnMut(*mut u8, *mut u8)) {
        if self.shape.contains(&0) {
            return;
        }
        self.walk(0, self.start, self.items.as_ptr().cast_mut(), &mut f);
    }

    fn walk(&self, dimension: usize, mut item: *mut u8, mut copy: *mut u8, f: &mut impl FnMut(*mut u8, *mut u8)) {
        if dimension == self.shape.len() {
            return f(item, copy);
        }
        for _ in 0..self.shape[dimension] {
            let mut at = item;
            if self.suboffsets[dimension] >= 0 {
                // SAFETY: the exporter says that there is a pointer.
                at = unsafe { at.cast::<*mut u8>().read_unaligned() }.wrapping_offset(self.suboffsets[dimension]);
            }
            self.walk(dimension + 1, at, copy, f);
            item = item.wrapping_offset(self.strides[dimension]);
            copy = copy.wrapping_offset(self.steps[dimension]);
        }
    }

    /// Describes a part of the copy, which begins at `offset`, as a part of the memory itself.
    fn place(&self, memory: &mut Memory<'_>, mut offset: isize) {
        (memory.start, memory.suboffsets) = (self.start, self.suboffsets.clone());
        for dimension in 0..memory.strides.len().min(self.shape.len()) {
            let step = self.steps[dimension];
            let first = offset.div_euclid(step).min(self.shape[dimension]);
            offset -= first * step;
            memory.strides[dimension] = memory.strides[dimension] / step * self.strides[dimension];
            let ahead = first * self.strides[dimension];
            match (0..dimension).rev().find(|before| self.suboffsets[*before] >= 0) {
                Some(before) => memory.suboffsets[before] += ahead,
                None => memory.start = memory.start.wrapping_offset(ahead),
            }
        }
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        self.write_back();
        copies().remove(&(self.items.as_ptr() as usize));
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Has memory views show the strides and suboffsets of the memory itself. Once.
fn show_numbers(vm: &VirtualMachine) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let class = vm.ctx.types.memoryview_type;
        for (name, list) in
            [("strides", (|memory| &memory.strides) as List), ("suboffsets", |memory| &memory.suboffsets)]
        {
            let name = vm.ctx.intern_str(name);
            let Some(own) = class.get_attr(name) else { continue };
            let get = move |view: PyObjectRef, vm: &VirtualMachine| numbers(vm, &own, &view, list);
            class.set_attr(name, PyGetSet::new(name.as_str(), class, &vm.ctx).with_get(get).into_pyobject(vm));
        }
    });
}

type List = for<'a, 'b> fn(&'a Memory<'b>) -> &'a Vec<isize>;

/// A list of a memory view's numbers, by the VM's own descriptor unless there is a copy.
fn numbers(vm: &VirtualMachine, own: &PyObject, view: &PyObject, list: List) -> PyResult {
    let get = own.class().slots.descr_get.load().ok_or_else(|| vm.new_attribute_error("__get__"))?;
    let found = get(own, Some(view), None, vm)?;
    if COUNT.load(Ordering::Relaxed) == 0 {
        return Ok(found);
    }
    let Ok(buffer) = PyBuffer::from_object(vm, view, BufferFlags::FULL_RO) else { return Ok(found) };
    let Some(memory) = behind_pointers(&buffer) else { return Ok(found) };
    let numbers = list(&memory).iter().map(|number| vm.ctx.new_int(*number).into()).collect();
    Ok(vm.ctx.new_tuple(numbers).into())
}
