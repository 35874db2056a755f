//! `modsupport.h` and `cpython/modsupport.h`: parsing arguments. The engine is `support::arguments`.

use super::prelude::*;
use crate::capi::support::arguments;
use crate::capi::support::arguments::Source;

/// `struct _PyArg_Parser`, which Argument Clinic's code fills.
#[repr(C)]
pub struct ArgParser {
    format: *const c_char,
    keywords: *const *const c_char,
    fname: *const c_char,
    custom_message: *const c_char,
    once: u8,
    owned: c_int,
    pos: c_int,
    min: c_int,
    max: c_int,
    kwtuple: Block,
    next: *mut ArgParser,
}

/// The items of a tuple.
unsafe fn items<'a>(vm: &VirtualMachine, args: Borrowed) -> PyResult<&'a [Block]> {
    // SAFETY: C's argument.
    unsafe {
        if args.is_null() || Kind::of(args.0) != Kind::Tuple {
            return Err(vm.new_system_error("new style getargs format but argument is not a tuple"));
        }
        Ok(tuple::slice(args.0))
    }
}

/// -1 stands for "raised" inside; C gets 0.
fn success(result: c_int) -> c_int {
    c_int::from(result == 1)
}

/// Parses one object. 1, or 0 with an exception.
pub unsafe extern "C" fn PyArg_Parse(arg: Borrowed, format: *const c_char, va: *mut VaList) -> c_int {
    // SAFETY: C's arguments.
    success(api(|vm| unsafe { arguments::single(vm, arg.0, format, &mut *va) }))
}

/// [`PyArg_Parse`].
pub unsafe extern "C" fn _PyArg_Parse_SizeT(arg: Borrowed, format: *const c_char, va: *mut VaList) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyArg_Parse(arg, format, va) }
}

/// Parses a tuple of arguments. 1, or 0 with an exception.
pub unsafe extern "C" fn PyArg_ParseTuple(args: Borrowed, format: *const c_char, va: *mut VaList) -> c_int {
    // SAFETY: C's arguments.
    success(api(|vm| unsafe { arguments::positional(vm, items(vm, args)?, format, &mut *va) }))
}

/// [`PyArg_ParseTuple`].
pub unsafe extern "C" fn _PyArg_ParseTuple_SizeT(args: Borrowed, format: *const c_char, va: *mut VaList) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyArg_ParseTuple(args, format, va) }
}

/// [`PyArg_ParseTuple`] with a `va_list`.
pub unsafe extern "C" fn PyArg_VaParse(args: Borrowed, format: *const c_char, va: *mut VaList) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyArg_ParseTuple(args, format, va) }
}

/// [`PyArg_VaParse`].
pub unsafe extern "C" fn _PyArg_VaParse_SizeT(args: Borrowed, format: *const c_char, va: *mut VaList) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyArg_ParseTuple(args, format, va) }
}

/// Parses a tuple and a dict (or NULL) of arguments. 1, or 0 with an exception.
pub unsafe extern "C" fn PyArg_ParseTupleAndKeywords(
    args: Borrowed,
    keywords: Borrowed,
    format: *const c_char,
    names: *const *const c_char,
    va: *mut VaList,
) -> c_int {
    // SAFETY: C's arguments.
    success(api(|vm| unsafe {
        let source = Source { positional: items(vm, args)?, dict: keywords.0, names: &[], values: &[] };
        arguments::keywords(vm, source, format, names, &mut *va)
    }))
}

/// [`PyArg_ParseTupleAndKeywords`].
pub unsafe extern "C" fn _PyArg_ParseTupleAndKeywords_SizeT(
    args: Borrowed,
    keywords: Borrowed,
    format: *const c_char,
    names: *const *const c_char,
    va: *mut VaList,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyArg_ParseTupleAndKeywords(args, keywords, format, names, va) }
}

/// [`PyArg_ParseTupleAndKeywords`] with a `va_list`.
pub unsafe extern "C" fn PyArg_VaParseTupleAndKeywords(
    args: Borrowed,
    keywords: Borrowed,
    format: *const c_char,
    names: *const *const c_char,
    va: *mut VaList,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyArg_ParseTupleAndKeywords(args, keywords, format, names, va) }
}

/// [`PyArg_VaParseTupleAndKeywords`].
pub unsafe extern "C" fn _PyArg_VaParseTupleAndKeywords_SizeT(
    args: Borrowed,
    keywords: Borrowed,
    format: *const c_char,
    names: *const *const c_char,
    va: *mut VaList,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyArg_ParseTupleAndKeywords(args, keywords, format, names, va) }
}

/// [`PyArg_ParseTupleAndKeywords`] with the format and the names in a struct.
pub unsafe extern "C" fn _PyArg_ParseTupleAndKeywordsFast(
    args: Borrowed,
    keywords: Borrowed,
    parser: *mut ArgParser,
    va: *mut VaList,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyArg_ParseTupleAndKeywords(args, keywords, (*parser).format, (*parser).keywords, va) }
}

/// Parses an array of arguments. 1, or 0 with an exception.
pub unsafe extern "C" fn _PyArg_ParseStack(
    args: *const Block,
    count: isize,
    format: *const c_char,
    va: *mut VaList,
) -> c_int {
    // SAFETY: C's arguments.
    success(api(|vm| unsafe { arguments::positional(vm, array(args, count), format, &mut *va) }))
}

unsafe fn array<'a>(args: *const Block, count: isize) -> &'a [Block] {
    // SAFETY: C's arguments.
    if count <= 0 { &[] } else { unsafe { std::slice::from_raw_parts(args, count as usize) } }
}

/// The arguments of a vectorcall.
unsafe fn stack<'a>(args: *const Block, count: isize, names: Block) -> Source<'a> {
    // SAFETY: C's arguments: the values of the names lie behind the positional arguments.
    unsafe {
        let names = arguments::names_of(names);
        let values = if names.is_empty() { &[] } else { array(args.add(count as usize), names.len() as isize) };
        Source { positional: array(args, count), dict: std::ptr::null_mut(), names, values }
    }
}

/// Parses the arguments of a vectorcall. 1, or 0 with an exception.
pub unsafe extern "C" fn _PyArg_ParseStackAndKeywords(
    args: *const Block,
    count: isize,
    names: Borrowed,
    parser: *mut ArgParser,
    va: *mut VaList,
) -> c_int {
    // SAFETY: C's arguments.
    success(api(|vm| unsafe {
        arguments::keywords(vm, stack(args, count, names.0), (*parser).format, (*parser).keywords, &mut *va)
    }))
}

/// Puts arguments into their places; returns the array they are in, or NULL with an exception. `more` says that
/// the function takes any number by position.
pub unsafe extern "C" fn _PyArg_UnpackKeywords(
    args: *const Block,
    count: isize,
    keywords: Borrowed,
    names: Borrowed,
    parser: *mut ArgParser,
    least: c_int,
    most: c_int,
    least_named: c_int,
    more: c_int,
    to: *mut Block,
) -> *const Block {
    let no_names = keywords.is_null() && names.is_null();
    if no_names && least_named == 0 && least as isize <= count && count <= most as isize && !args.is_null() {
        // Room behind the last given argument is for the caller to look at: only a full array may be used as it is.
        // SAFETY: C's arguments.
        if unsafe { places(parser) } == count as usize {
            return args;
        }
    }
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let mut source = stack(args, count, names.0);
        if more != 0 {
            // What is left over goes into the function's own `*args`.
            source.positional = &source.positional[..source.positional.len().min(most as usize)];
        }
        source.dict = keywords.0;
        let parser = &*parser;
        let function = if parser.fname.is_null() { None } else { Some(text::of_c(parser.fname)) };
        let limits = (least as usize, most as usize, least_named as usize);
        arguments::unpack(vm, source, function.as_deref(), parser.keywords, limits, to)?;
        Ok(to.cast_const())
    })
}

/// How many names a parser has.
unsafe fn places(parser: *mut ArgParser) -> usize {
    // SAFETY: C's argument: the list ends with NULL.
    unsafe {
        let mut count = 0;
        while !(*(*parser).keywords.add(count)).is_null() {
            count += 1;
        }
        count
    }
}

/// Copies between `least` and `most` items of a tuple. 1, or 0 with an exception.
pub unsafe extern "C" fn PyArg_UnpackTuple(
    args: Borrowed,
    name: *const c_char,
    least: isize,
    most: isize,
    va: *mut VaList,
) -> c_int {
    // SAFETY: C's arguments.
    success(api(|vm| unsafe {
        let items = items(vm, args)?;
        count_is_right(vm, name, items.len() as isize, least, most)?;
        for &item in items {
            *(*va).pointer::<Block>() = item;
        }
        Ok(1)
    }))
}

unsafe fn count_is_right(
    vm: &VirtualMachine,
    name: *const c_char,
    given: isize,
    least: isize,
    most: isize,
) -> PyResult<()> {
    if (least..=most).contains(&given) {
        return Ok(());
    }
    let (limit, count) = if given < least {
        (if least == most { "" } else { "at least " }, least)
    } else {
        (if least == most { "" } else { "at most " }, most)
    };
    let plural = if count == 1 { "" } else { "s" };
    // SAFETY: C's argument.
    let subject = if name.is_null() { "unpacked tuple".to_owned() } else { unsafe { text::of_c(name) } };
    let (verb, noun) = if name.is_null() { ("should have", "element") } else { ("expected", "argument") };
    let got = if name.is_null() { "but has" } else { "got" };
    Err(vm.new_type_error(format!("{subject} {verb} {limit}{count} {noun}{plural}, {got} {given}")))
}

/// Whether the number of arguments is right. 1, or 0 with an exception.
pub unsafe extern "C" fn _PyArg_CheckPositional(name: *const c_char, given: isize, least: isize, most: isize) -> c_int {
    if (least..=most).contains(&given) {
        return 1;
    }
    // SAFETY: C's arguments.
    success(api(|vm| unsafe { count_is_right(vm, name, given, least, most) }.map(|()| 1)))
}

/// Whether there are no arguments by name. 1, or 0 with an exception.
pub unsafe extern "C" fn _PyArg_NoKeywords(name: *const c_char, keywords: Borrowed) -> c_int {
    success(api(|vm| {
        let empty = keywords.is_null() || keywords.of::<rustpython_vm::builtins::PyDict>(vm)?.is_empty();
        if empty {
            return Ok(1);
        }
        // SAFETY: C's argument.
        Err(vm.new_type_error(format!("{}() takes no keyword arguments", unsafe { text::of_c(name) })))
    }))
}

/// Whether there are no arguments by position. 1, or 0 with an exception.
pub unsafe extern "C" fn _PyArg_NoPositional(name: *const c_char, args: Borrowed) -> c_int {
    success(api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            if args.is_null() || tuple::slice(args.0).is_empty() {
                return Ok(1);
            }
            Err(vm.new_type_error(format!("{}() takes no positional arguments", text::of_c(name))))
        }
    }))
}

/// Raises `TypeError` for an argument of the wrong type.
pub unsafe extern "C" fn _PyArg_BadArgument(
    function: *const c_char,
    argument: *const c_char,
    expected: *const c_char,
    given: Borrowed,
) {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let [function, argument, expected] = [function, argument, expected].map(|text| text::of_c(text));
        let given = arguments::type_name(given.0);
        Err(vm.new_type_error(format!("{function}() {argument} must be {expected}, not {given}")))
    })
}

/// Whether the keys of a dict of arguments are strings. 1, or 0 with an exception.
pub unsafe extern "C" fn PyArg_ValidateKeywordArguments(keywords: Borrowed) -> c_int {
    success(api(|vm| {
        let dict = keywords.of::<rustpython_vm::builtins::PyDict>(vm)?;
        let strings = dict.keys_vec().iter().all(|key| key.downcast_ref::<rustpython_vm::builtins::PyStr>().is_some());
        if strings { Ok(1) } else { Err(vm.new_type_error("keywords must be strings")) }
    }))
}
