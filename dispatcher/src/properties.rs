//! Properties of C types: getters and setters (`PyGetSetDef`).

use std::ffi::c_void;

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::abi::text;
use rustclad_mapper::lifetime::thread;
use rustclad_mapper::twins::error;
use rustclad_mapper::twins::passing::Passed;
use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{AsObject, Py, PyObjectRef, PyRef, PyResult, VirtualMachine};

use crate::definitions::{doc, name_of, set, static_class};

/// A getter and setter with their closure argument.
#[derive(Clone, Copy)]
struct Property {
    get: Option<c::Getter>,
    set: Option<c::Setter>,
    closure: usize,
    name: &'static str,
    class: &'static Py<PyType>,
}

/// Adds the type's properties.
///
/// # Safety
/// `t` is a type whose table lives as long as it.
pub(crate) unsafe fn add_getsets(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    let mut next = t.tp_getset;
    // SAFETY: the table ends with a NULL name.
    unsafe {
        while !next.is_null() && !(*next).name.is_null() {
            let definition = &*next;
            next = next.add(1);
            let name = text::of_c(definition.name);
            set(vm, class, &name, getset(vm, class, definition));
        }
    }
}

/// The descriptor of a property.
///
/// # Safety
/// The definition's texts are valid.
pub(crate) unsafe fn getset(vm: &VirtualMachine, class: &PyTypeRef, definition: &c::PyGetSetDef) -> PyObjectRef {
    // SAFETY: by contract.
    let name = name_of(vm, &unsafe { text::of_c(definition.name) });
    let property = Property {
        get: definition.get,
        set: definition.set,
        closure: definition.closure as usize,
        name,
        class: static_class(class),
    };
    let mut getset = rustpython_vm::builtins::PyGetSet::new(name, class, &vm.ctx).with_doc(doc(class, definition.doc));
    if definition.get.is_some() {
        getset = getset.with_get(move |this: PyObjectRef, vm: &VirtualMachine| property.call_get(vm, &this));
    }
    // Without a setter, too: the object is checked first.
    getset = getset.with_set(move |this: PyObjectRef, value: PySetterValue, vm: &VirtualMachine| {
        property.call_set(vm, &this, value)
    });
    PyRef::new_ref(getset, vm.ctx.types.getset_type.to_owned(), None).into()
}

impl Property {
    /// The getter and the setter read the object as one of their class.
    #[inline]
    fn check(self, vm: &VirtualMachine, this: &PyObjectRef) -> PyResult<()> {
        if this.class().fast_issubclass(self.class) {
            return Ok(());
        }
        Err(vm.new_type_error(format!(
            "descriptor '{}' for '{}' objects doesn't apply to a '{}' object",
            self.name,
            self.class.slot_name(),
            this.class().slot_name()
        )))
    }

    fn call_get(self, vm: &VirtualMachine, this: &PyObjectRef) -> PyResult {
        self.check(vm, this)?;
        let Some(get) = self.get else {
            return Err(vm.new_attribute_error(format!("unreadable attribute '{}'", self.name)));
        };
        let _section = thread::enter(vm);
        let this = Passed::new(vm, this);
        // SAFETY: the getter belongs to the object's type; the C lock is held.
        unsafe {
            let result = get(this.block(), self.closure as *mut c_void);
            error::attribute(vm, result, || format!("<attribute '{}'>", self.name))
        }
    }

    fn call_set(self, vm: &VirtualMachine, this: &PyObjectRef, value: PySetterValue) -> PyResult<()> {
        self.check(vm, this)?;
        let Some(set) = self.set else {
            let message = format!("attribute '{}' of '{}' objects is not writable", self.name, self.class.slot_name());
            return Err(vm.new_attribute_error(message));
        };
        let _section = thread::enter(vm);
        let this = Passed::new(vm, this);
        let given = match &value {
            PySetterValue::Assign(value) => Passed::new(vm, value.as_object()),
            PySetterValue::Delete => Passed::NULL,
        };
        // SAFETY: as for `call_get`.
        let status = unsafe { set(this.block(), given.block(), self.closure as *mut c_void) };
        error::status(vm, status != 0, || format!("<attribute '{}'>", self.name))
    }
}
