//! Replacing the characters of a string by what a mapping of their numbers gives.

use num_traits::ToPrimitive;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyInt, PyStr, PyTuple};
use rustpython_vm::common::wtf8::{CodePoint, Wtf8Buf};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

/// What a mapping says of a character.
enum Replacement {
    Text(Wtf8Buf),
    Same,
    /// An error handler is to be asked.
    None,
}

/// A string with its characters replaced. Runs Python code.
///
/// # Errors
/// What the mapping and the error handler raise.
pub(crate) fn translated(vm: &VirtualMachine, string: &PyObjectRef, mapping: &PyObject, errors: &str) -> PyResult {
    let text = string.downcast_ref::<PyStr>().ok_or_else(|| vm.new_type_error("must be str"))?;
    let characters: Vec<CodePoint> = text.as_wtf8().code_points().collect();
    let mut result = Wtf8Buf::new();
    let mut index = 0;
    while index < characters.len() {
        let end = match replacement(vm, mapping, characters[index])? {
            Replacement::Text(text) => {
                result.push_wtf8(&text);
                index + 1
            }
            Replacement::Same => {
                result.push(characters[index]);
                index + 1
            }
            Replacement::None => {
                let mut end = index + 1;
                while end < characters.len() && matches!(replacement(vm, mapping, characters[end])?, Replacement::None)
                {
                    end += 1;
                }
                if errors == "ignore" {
                    end
                } else {
                    let (text, next) = handled(vm, string, index..end, characters.len(), errors)?;
                    result.push_wtf8(&text);
                    next
                }
            }
        };
        index = end;
    }
    Ok(vm.ctx.new_str(result).into())
}

fn replacement(vm: &VirtualMachine, mapping: &PyObject, character: CodePoint) -> PyResult<Replacement> {
    let found = match mapping.get_item(vm.ctx.new_int(character.to_u32()).as_object(), vm) {
        Ok(found) => found,
        Err(error) if error.fast_isinstance(vm.ctx.exceptions.lookup_error) => return Ok(Replacement::Same),
        Err(error) => return Err(error),
    };
    if vm.is_none(&found) {
        return Ok(Replacement::None);
    }
    if let Some(text) = found.downcast_ref::<PyStr>() {
        return Ok(Replacement::Text(text.as_wtf8().to_owned()));
    }
    let Some(number) = found.downcast_ref::<PyInt>() else {
        return Err(vm.new_type_error("character mapping must return integer, None or str"));
    };
    let character = number.as_bigint().to_u32().and_then(CodePoint::from_u32);
    let character = character.ok_or_else(|| vm.new_value_error("character mapping must be in range(0x110000)"))?;
    Ok(Replacement::Text(std::iter::once(character).collect()))
}

/// What an error handler gives for a run of characters, and where to go on.
fn handled(
    vm: &VirtualMachine,
    string: &PyObjectRef,
    run: std::ops::Range<usize>,
    length: usize,
    errors: &str,
) -> PyResult<(Wtf8Buf, usize)> {
    let reason: PyObjectRef = vm.ctx.new_str("character maps to <undefined>").into();
    let positions = [run.start, run.end].map(|position| vm.ctx.new_int(position).into());
    let [start, end]: [PyObjectRef; 2] = positions;
    let class = vm.ctx.exceptions.unicode_translate_error.as_object();
    let error = class.call(vec![string.clone(), start, end, reason], vm)?;
    if errors == "strict" {
        return Err(error.downcast().unwrap_or_else(|_| refused(vm)));
    }
    let result = vm.state.codec_registry.lookup_error(errors, vm)?.call((error,), vm)?;
    let parts = result.downcast_ref::<PyTuple>().map(|tuple| tuple.as_slice());
    let Some([text, next]) = parts else { return Err(refused(vm)) };
    let (Some(text), Some(next)) = (text.downcast_ref::<PyStr>(), next.downcast_ref::<PyInt>()) else {
        return Err(refused(vm));
    };
    let given = next.as_bigint().to_isize().unwrap_or(isize::MAX);
    let next = if given < 0 { given + length as isize } else { given };
    if !(0..=length as isize).contains(&next) {
        return Err(vm.new_index_error(format!("position {next} from error handler out of bounds")));
    }
    Ok((text.as_wtf8().to_owned(), next as usize))
}

fn refused(vm: &VirtualMachine) -> PyBaseExceptionRef {
    vm.new_type_error("translating error handler must return (str, int) tuple")
}
