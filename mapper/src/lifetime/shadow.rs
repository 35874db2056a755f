//! Managed objects that stand for blocks while a collection lasts.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::{Context, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};

use crate::heap::block::{flag, header_of};
use crate::lifetime::collect;
use crate::lifetime::graph::{self, graph};

/// Stands for a block whose twin cannot report its references, or that has none.
pub(super) struct Shadow {
    index: u32,
}

impl Shadow {
    pub(super) fn new(vm: &VirtualMachine, index: u32) -> PyRef<Self> {
        PyRef::new_ref(Self { index }, Self::class_ref(&vm.ctx).clone(), None)
    }

    fn class_ref(context: &Context) -> &'static PyTypeRef {
        static CLASS: OnceLock<PyTypeRef> = OnceLock::new();
        CLASS.get_or_init(|| {
            let class = PyType::new_simple_heap("block", context.types.object_type, context);
            let class = class.expect("object can be subclassed");
            class.slots.del.store(Some(finalize));
            // The VM wants the method, too, for its messages.
            class.set_attr(context.intern_str("__del__"), context.none());
            class.slots.del_needed.store(Some(|shadow| collect::is_running() && shadow.strong_count() > 0));
            class
        })
    }
}

impl std::fmt::Debug for Shadow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shadow({})", self.index)
    }
}

impl PyPayload for Shadow {
    fn class(context: &Context) -> &'static Py<PyType> {
        Self::class_ref(context)
    }
}

impl MaybeTraverse for Shadow {
    const HAS_TRAVERSE: bool = true;
    const HAS_CLEAR: bool = true;

    fn try_traverse(&self, tracer: &mut TraverseFn<'_>) {
        collect::while_collecting(|| {
            let index = self.index as usize;
            // The graph's own reference.
            graph::report(index, tracer);
            // SAFETY: the graph counts a reference to the block.
            unsafe {
                let header = header_of(graph().nodes[index].block);
                if header.has(flag::OWNS_TWIN)
                    && let Some(twin) = header.twin().as_ref()
                {
                    tracer(twin);
                }
            }
            graph::report_edges(index, tracer);
        });
    }

    fn try_clear(&mut self, _: &mut Vec<PyObjectRef>) {
        collect::while_collecting(|| {
            let block = graph().nodes[self.index as usize].block;
            // SAFETY: the graph counts a reference to the block.
            unsafe {
                if !header_of(block).twin().is_null() {
                    graph().counted_twice += 1;
                }
                collect::clear(block);
            }
        });
    }
}

/// The `del` slot of [`Shadow`]: the finalizer of an object that has no twin.
fn finalize(shadow: &PyObject, _: &VirtualMachine) -> PyResult<()> {
    let Some(index) = shadow.downcast_ref::<Shadow>().map(|shadow| shadow.index) else { return Ok(()) };
    collect::while_collecting(|| {
        let block = graph().nodes[index as usize].block;
        // SAFETY: the graph counts a reference to the block.
        unsafe {
            if header_of(block).twin().is_null() && collect::finalize(block) {
                graph().saved.push(shadow.to_owned());
            }
        }
    });
    Ok(())
}
