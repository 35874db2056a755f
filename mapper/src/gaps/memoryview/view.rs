//! The memory of a buffer, item by item, also behind pointers and of any number of dimensions.

use rustpython_vm::protocol::{BufferFlags, PyBuffer};
use rustpython_vm::{PyObject, PyResult, VirtualMachine};

use super::{formats, indirect};

/// The memory of a buffer, which stays as long as this lives.
pub(super) struct View {
    /// Its dimensions are those of the memory itself; a suboffset below 0 is none.
    buffer: PyBuffer,
    start: *mut u8,
}

impl View {
    /// The memory of an object.
    pub(super) fn open(vm: &VirtualMachine, object: &PyObject) -> PyResult<Self> {
        let mut buffer = PyBuffer::from_object(vm, object, BufferFlags::FULL_RO)?;
        let behind = indirect::behind_pointers(&buffer).map(|it| (it.start, it.strides, it.suboffsets));
        let start = match behind {
            Some((start, strides, suboffsets)) => {
                let numbers = strides.into_iter().zip(suboffsets);
                for ((_, stride, suboffset), numbers) in buffer.desc.dim_desc.iter_mut().zip(numbers) {
                    (*stride, *suboffset) = numbers;
                }
                start
            }
            None => {
                buffer.desc.dim_desc.iter_mut().for_each(|(.., suboffset)| *suboffset = -1);
                indirect::start(&buffer)
            }
        };
        Ok(Self { buffer, start })
    }

    /// Where the first item is, if all dimensions are followed at index 0 by [`Self::step`].
    pub(super) fn start(&self) -> *mut u8 {
        self.start
    }

    pub(super) fn format(&self) -> &str {
        formats::real(&self.buffer.desc.format)
    }

    pub(super) fn itemsize(&self) -> usize {
        self.buffer.desc.itemsize
    }

    pub(super) fn is_readonly(&self) -> bool {
        self.buffer.desc.readonly
    }

    pub(super) fn dimensions(&self) -> usize {
        self.buffer.desc.dim_desc.len()
    }

    pub(super) fn length(&self, dimension: usize) -> usize {
        self.buffer.desc.dim_desc[dimension].0
    }

    pub(super) fn stride(&self, dimension: usize) -> isize {
        self.buffer.desc.dim_desc[dimension].1
    }

    fn is_behind_pointers(&self) -> bool {
        self.buffer.desc.dim_desc.iter().any(|(.., suboffset)| *suboffset >= 0)
    }

    /// The size of all items.
    pub(super) fn size(&self) -> usize {
        self.buffer.desc.dim_desc.iter().map(|(length, ..)| length).product::<usize>() * self.itemsize()
    }

    /// From the place of a dimension's first item to that of another.
    pub(super) fn step(&self, dimension: usize, at: *mut u8, index: isize) -> *mut u8 {
        let (_, stride, suboffset) = self.buffer.desc.dim_desc[dimension];
        let at = at.wrapping_offset(stride.wrapping_mul(index));
        if suboffset < 0 {
            return at;
        }
        // SAFETY: the exporter says that there is a pointer, and keeps the memory.
        unsafe { at.cast::<*mut u8>().read_unaligned() }.wrapping_offset(suboffset)
    }

    /// The place of an item, by an index a dimension.
    pub(super) fn at(&self, vm: &VirtualMachine, indices: &[isize]) -> PyResult<*mut u8> {
        let mut at = self.start;
        for (dimension, index) in indices.iter().enumerate() {
            let length = self.length(dimension) as isize;
            let index = if *index < 0 { index.saturating_add(length) } else { *index };
            if !(0..length).contains(&index) {
                return Err(vm.new_index_error(format!("index out of bounds on dimension {}", dimension + 1)));
            }
            at = self.step(dimension, at, index);
        }
        Ok(at)
    }

    /// Calls `f` with the place of each item, the last dimension fastest.
    pub(super) fn each(&self, f: &mut impl FnMut(*mut u8)) {
        self.walk(0, self.start, f);
    }

    fn walk(&self, dimension: usize, at: *mut u8, f: &mut impl FnMut(*mut u8)) {
        if dimension == self.dimensions() {
            return f(at);
        }
        for index in 0..self.length(dimension) {
            self.walk(dimension + 1, self.step(dimension, at, index as isize), f);
        }
    }

    /// Calls `f` with the place of each item, the first dimension fastest.
    pub(super) fn each_fortran(&self, f: &mut impl FnMut(*mut u8)) {
        let mut indices = vec![0isize; self.dimensions()];
        for _ in 0..self.size() / self.itemsize().max(1) {
            let mut at = self.start;
            for (dimension, index) in indices.iter().enumerate() {
                at = self.step(dimension, at, *index);
            }
            f(at);
            for (dimension, index) in indices.iter_mut().enumerate() {
                *index += 1;
                if *index < self.length(dimension) as isize {
                    break;
                }
                *index = 0;
            }
        }
    }

    /// Whether the items lie in one piece, the last dimension fastest or (in Fortran's order) the first.
    pub(super) fn is_in_one_piece(&self, fortran: bool) -> bool {
        if self.is_behind_pointers() {
            return false;
        }
        let mut step = self.itemsize() as isize;
        let dimensions = self.dimensions();
        self.size() == 0
            || (0..dimensions).all(|index| {
                let dimension = if fortran { index } else { dimensions - 1 - index };
                let length = self.length(dimension);
                let fits = length <= 1 || self.stride(dimension) == step;
                step *= length as isize;
                fits
            })
    }

    /// What a memory view says of that.
    pub(super) fn is_flagged(&self, fortran: bool) -> bool {
        if self.dimensions() == 1 && !self.is_behind_pointers() {
            return self.length(0) == 1 || self.stride(0) == self.itemsize() as isize;
        }
        self.is_in_one_piece(fortran)
    }

    /// The items in one piece, in C's order or in Fortran's.
    pub(super) fn collect(&self, fortran: bool) -> Vec<u8> {
        if self.is_in_one_piece(fortran) {
            return self.as_it_lies();
        }
        let itemsize = self.itemsize();
        let mut bytes = Vec::with_capacity(self.size());
        // SAFETY: each item is memory of the buffer's.
        let mut take = |at: *mut u8| bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(at, itemsize) });
        if fortran {
            self.each_fortran(&mut take)
        } else {
            self.each(&mut take)
        }
        bytes
    }

    /// The bytes of items that lie in one piece.
    pub(super) fn as_it_lies(&self) -> Vec<u8> {
        self.piece().to_vec()
    }

    /// The memory of items that lie in one piece.
    pub(super) fn piece(&self) -> &[u8] {
        match self.size() {
            0 => &[],
            // SAFETY: in one piece, memory of the buffer's.
            size => unsafe { std::slice::from_raw_parts(self.start, size) },
        }
    }

    /// Whether another has the same lengths, as far as they say anything.
    pub(super) fn has_shape_of(&self, other: &Self) -> bool {
        if self.dimensions() != other.dimensions() {
            return false;
        }
        for dimension in 0..self.dimensions() {
            if self.length(dimension) != other.length(dimension) {
                return false;
            }
            if self.length(dimension) == 0 {
                break;
            }
        }
        true
    }
}
