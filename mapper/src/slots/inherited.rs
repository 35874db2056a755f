//! The VM's slots of a class that Python derives from one of C's. The VM knows no special method of C's for one of its own, so
//! it gives the class slots that look the method up by its name and call it. What the class does not define anew gets the
//! base's slot instead: C code finds the base's function in the class's block, operators know who comes first, and the call
//! is shorter. Done when the class gets its block, before it has any instance.

use rustpython_vm::builtins::PyType;
use rustpython_vm::{AsObject, Py, VirtualMachine};

/// Copies slots from `$base` if none of the special methods behind them is another one in `$class`.
macro_rules! copy {
    ($vm:expr, $class:expr, $base:expr; $($suite:ident: $($slot:ident),+ => $($name:literal)+;)*) => {
        $(
            let has_one = $($base.slots.$suite.$slot.load().is_some())||+;
            if has_one && $(is_same($vm, $class, $base, $name))&&+ {
                $($class.slots.$suite.$slot.store($base.slots.$suite.$slot.load());)+
            }
        )*
    };
}

/// Whether a class has a special method from a base, or neither has it.
fn is_same(vm: &VirtualMachine, class: &Py<PyType>, base: &Py<PyType>, name: &'static str) -> bool {
    let name = vm.ctx.intern_str(name);
    match (class.get_attr(name), base.get_attr(name)) {
        (Some(own), Some(of_base)) => own.is(&of_base),
        (own, of_base) => own.is_none() && of_base.is_none(),
    }
}

/// Gives a class the slots of its base that it has not changed.
pub(crate) fn inherit(vm: &VirtualMachine, class: &Py<PyType>, base: &Py<PyType>) {
    numbers(vm, class, base);
    copy! { vm, class, base;
        as_sequence: length => "__len__";
        as_sequence: concat => "__add__";
        as_sequence: repeat => "__mul__" "__rmul__";
        as_sequence: item => "__getitem__";
        as_sequence: ass_item => "__setitem__" "__delitem__";
        as_sequence: contains => "__contains__";
        as_sequence: inplace_concat => "__iadd__";
        as_sequence: inplace_repeat => "__imul__";
        as_mapping: length => "__len__";
        as_mapping: subscript => "__getitem__";
        as_mapping: ass_subscript => "__setitem__" "__delitem__";
    }
}

fn numbers(vm: &VirtualMachine, class: &Py<PyType>, base: &Py<PyType>) {
    copy! { vm, class, base;
        as_number: add, right_add => "__add__" "__radd__";
        as_number: subtract, right_subtract => "__sub__" "__rsub__";
        as_number: multiply, right_multiply => "__mul__" "__rmul__";
        as_number: remainder, right_remainder => "__mod__" "__rmod__";
        as_number: divmod, right_divmod => "__divmod__" "__rdivmod__";
        as_number: power, right_power => "__pow__" "__rpow__";
        as_number: lshift, right_lshift => "__lshift__" "__rlshift__";
        as_number: rshift, right_rshift => "__rshift__" "__rrshift__";
        as_number: and, right_and => "__and__" "__rand__";
        as_number: xor, right_xor => "__xor__" "__rxor__";
        as_number: or, right_or => "__or__" "__ror__";
        as_number: floor_divide, right_floor_divide => "__floordiv__" "__rfloordiv__";
        as_number: true_divide, right_true_divide => "__truediv__" "__rtruediv__";
        as_number: matrix_multiply, right_matrix_multiply => "__matmul__" "__rmatmul__";
        as_number: negative => "__neg__";
        as_number: positive => "__pos__";
        as_number: absolute => "__abs__";
        as_number: invert => "__invert__";
        as_number: boolean => "__bool__";
        as_number: int => "__int__";
        as_number: float => "__float__";
        as_number: index => "__index__";
        as_number: inplace_add => "__iadd__";
        as_number: inplace_subtract => "__isub__";
        as_number: inplace_multiply => "__imul__";
        as_number: inplace_remainder => "__imod__";
        as_number: inplace_power => "__ipow__";
        as_number: inplace_lshift => "__ilshift__";
        as_number: inplace_rshift => "__irshift__";
        as_number: inplace_and => "__iand__";
        as_number: inplace_xor => "__ixor__";
        as_number: inplace_or => "__ior__";
        as_number: inplace_floor_divide => "__ifloordiv__";
        as_number: inplace_true_divide => "__itruediv__";
        as_number: inplace_matrix_multiply => "__imatmul__";
    }
}
