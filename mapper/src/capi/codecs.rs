//! `codecs.h`: the registry of codecs and error handlers. Also the functions of `unicodeobject.h` that pass a string
//! through a codec of any kind.

use super::prelude::*;
use super::unicodeobject::{bad_argument, is_str};
use rustpython_vm::builtins::{PyBaseException, PyStr, PyUtf8StrRef};

/// The name of an encoding that C gave.
unsafe fn encoding_argument(vm: &VirtualMachine, encoding: *const c_char) -> PyResult<String> {
    // SAFETY: C's argument.
    if encoding.is_null() { Err(bad_argument(vm)) } else { Ok(unsafe { text::of_c(encoding) }) }
}

/// The name of an error handler that C gave, if it is not NULL.
pub(crate) unsafe fn errors_argument(vm: &VirtualMachine, errors: *const c_char) -> Option<PyUtf8StrRef> {
    // SAFETY: C's argument.
    (!errors.is_null()).then(|| vm.ctx.new_utf8_str(unsafe { text::of_c(errors) }))
}

/// Adds a function that finds codecs. 0, or -1 with an exception.
pub unsafe extern "C" fn PyCodec_Register(search: Borrowed) -> c_int {
    api(|vm| {
        let search = search.opt(vm)?.ok_or_else(|| bad_argument(vm))?;
        vm.state.codec_registry.register(search, vm).map(|()| 0)
    })
}

/// Removes a function that finds codecs, if it is there. 0, or -1 with an exception.
pub unsafe extern "C" fn PyCodec_Unregister(search: Borrowed) -> c_int {
    api(|vm| {
        vm.state.codec_registry.unregister(&*search.get(vm)?);
        Ok(0)
    })
}

/// A codec's entry in the registry: a tuple of functions.
unsafe fn lookup(vm: &VirtualMachine, encoding: *const c_char) -> PyResult<rustpython_vm::builtins::PyTupleRef> {
    // SAFETY: C's argument.
    let encoding = unsafe { encoding_argument(vm, encoding)? };
    leave(vm, || vm.state.codec_registry.lookup(&encoding, vm)).map(|codec| codec.into_tuple())
}

/// Whether there is a codec of a name; raises nothing.
pub unsafe extern "C" fn PyCodec_KnownEncoding(encoding: *const c_char) -> c_int {
    // SAFETY: C's argument.
    infallible(0, |vm| Ok(c_int::from(unsafe { lookup(vm, encoding) }.is_ok())))
}

/// Passes an object through an encoder or decoder.
unsafe fn transform(
    vm: &VirtualMachine,
    object: PyObjectRef,
    encoding: &str,
    errors: *const c_char,
    encode: bool,
) -> PyResult {
    // SAFETY: C's argument.
    let errors = unsafe { errors_argument(vm, errors) };
    let registry = &vm.state.codec_registry;
    leave(vm, || match encode {
        true => registry.encode(object, encoding, errors, vm),
        false => registry.decode(object, encoding, errors, vm),
    })
}

/// Passes an object through an encoder; whatever it gives.
pub unsafe extern "C" fn PyCodec_Encode(object: Borrowed, encoding: *const c_char, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let encoding = encoding_argument(vm, encoding)?;
        Ok(New::of(vm, transform(vm, object.get(vm)?, &encoding, errors, true)?))
    })
}

/// Passes an object through a decoder; whatever it gives.
pub unsafe extern "C" fn PyCodec_Decode(object: Borrowed, encoding: *const c_char, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let encoding = encoding_argument(vm, encoding)?;
        Ok(New::of(vm, transform(vm, object.get(vm)?, &encoding, errors, false)?))
    })
}

/// The encoding function of a codec.
pub unsafe extern "C" fn PyCodec_Encoder(encoding: *const c_char) -> New {
    // SAFETY: C's argument.
    api(|vm| unsafe { Ok(New::of(vm, lookup(vm, encoding)?.as_slice()[0].clone())) })
}

/// The decoding function of a codec.
pub unsafe extern "C" fn PyCodec_Decoder(encoding: *const c_char) -> New {
    // SAFETY: C's argument.
    api(|vm| unsafe { Ok(New::of(vm, lookup(vm, encoding)?.as_slice()[1].clone())) })
}

/// Calls what makes an object of a codec, with an error handler's name if that is not NULL.
unsafe fn incremental(encoding: *const c_char, name: &'static str, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let codec = lookup(vm, encoding)?;
        let args: Vec<PyObjectRef> =
            errors_argument(vm, errors).map(|errors| errors.into_wtf8().into()).into_iter().collect();
        Ok(New::of(vm, leave(vm, || codec.as_object().get_attr(name, vm)?.call(args, vm))?))
    })
}

/// A new incremental encoder.
pub unsafe extern "C" fn PyCodec_IncrementalEncoder(encoding: *const c_char, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    unsafe { incremental(encoding, "incrementalencoder", errors) }
}

/// A new incremental decoder.
pub unsafe extern "C" fn PyCodec_IncrementalDecoder(encoding: *const c_char, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    unsafe { incremental(encoding, "incrementaldecoder", errors) }
}

/// Calls what makes a stream of a codec.
unsafe fn stream(encoding: *const c_char, index: usize, stream: Borrowed, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let class = lookup(vm, encoding)?.as_slice()[index].clone();
        let errors = errors_argument(vm, errors).map(|errors| errors.into_wtf8().into());
        let args: Vec<PyObjectRef> = std::iter::once(stream.get(vm)?).chain(errors).collect();
        Ok(New::of(vm, leave(vm, || class.call(args, vm))?))
    })
}

/// A new reader that decodes a stream.
pub unsafe extern "C" fn PyCodec_StreamReader(encoding: *const c_char, source: Borrowed, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    unsafe { stream(encoding, 2, source, errors) }
}

/// A new writer that encodes to a stream.
pub unsafe extern "C" fn PyCodec_StreamWriter(encoding: *const c_char, target: Borrowed, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    unsafe { stream(encoding, 3, target, errors) }
}

/// Registers an error handler under a name. 0, or -1 with an exception.
pub unsafe extern "C" fn PyCodec_RegisterError(name: *const c_char, handler: Borrowed) -> c_int {
    api(|vm| {
        let handler = handler.get(vm)?;
        if !handler.is_callable() {
            return Err(vm.new_type_error("handler must be callable"));
        }
        // SAFETY: C's argument.
        vm.state.codec_registry.register_error(unsafe { text::of_c(name) }, handler);
        Ok(0)
    })
}

/// The error handler of a name, `strict` for NULL.
pub unsafe extern "C" fn PyCodec_LookupError(name: *const c_char) -> New {
    api(|vm| {
        // SAFETY: C's argument.
        let name = if name.is_null() { "strict".to_owned() } else { unsafe { text::of_c(name) } };
        Ok(New::of(vm, vm.state.codec_registry.lookup_error(&name, vm)?))
    })
}

/// A Unicode error whose positions are inside its object, as CPython's handlers take them to be: the VM's do not look.
fn in_bounds(vm: &VirtualMachine, error: PyObjectRef) -> PyResult {
    let exceptions = &vm.ctx.exceptions;
    let class = [exceptions.unicode_encode_error, exceptions.unicode_decode_error, exceptions.unicode_translate_error]
        .into_iter()
        .find(|class| error.class().fast_issubclass(*class));
    let Some(class) = class else { return Ok(error) };
    let part = |name: &'static str| error.get_attr(name, vm);
    let (object, start, end) = (part("object")?, part("start")?, part("end")?);
    let size = object.length(vm)? as isize;
    let number = |value: &PyObjectRef| value.try_index(vm).map(|it| it.try_to_primitive::<isize>(vm).unwrap_or(size));
    let (given_start, given_end) = (number(&start)?, number(&end)?);
    let end = given_end.clamp(1, size.max(1)).min(size);
    let start = given_start.clamp(0, (size - 1).max(0)).min(end);
    if (start, end) == (given_start, given_end) {
        return Ok(error);
    }
    let positions = [vm.ctx.new_int(start).into(), vm.ctx.new_int(end).into()];
    let mut args: Vec<PyObjectRef> = vec![object];
    args.extend(positions);
    args.push(part("reason")?);
    if !class.is(exceptions.unicode_translate_error) {
        args.insert(0, part("encoding")?);
    }
    leave(vm, || class.as_object().call(args, vm))
}

/// Where an error of encoding or translating ends that is about no character at all.
fn end_of_nothing(vm: &VirtualMachine, handler: &str, error: &PyObjectRef) -> PyResult<Option<PyObjectRef>> {
    let exceptions = &vm.ctx.exceptions;
    let is = |class| error.class().fast_issubclass(class);
    let only_encoding = matches!(handler, "xmlcharrefreplace" | "namereplace");
    if !is(exceptions.unicode_encode_error) && (only_encoding || !is(exceptions.unicode_translate_error)) {
        return Ok(None);
    }
    let (start, end) = (error.get_attr("start", vm)?, error.get_attr("end", vm)?);
    Ok(vm.bool_eq(&start, &end)?.then_some(end))
}

/// Calls one of the VM's own error handlers: a replacement and where to go on.
fn handle(name: &str, exception: Borrowed) -> New {
    api(|vm| {
        let given = exception.get(vm)?;
        let exception = in_bounds(vm, given)?;
        if let Some(end) = end_of_nothing(vm, name, &exception)? {
            // The VM's handlers take it that there is something to replace.
            let nothing = vec![vm.ctx.empty_str.to_owned().into(), end];
            return Ok(New::of(vm, vm.ctx.new_tuple(nothing)));
        }
        let handler = vm.state.codec_registry.lookup_error(name, vm)?;
        Ok(New::of(vm, leave(vm, || handler.call((exception,), vm))?))
    })
}

/// Raises the exception.
pub unsafe extern "C" fn PyCodec_StrictErrors(exception: Borrowed) -> New {
    api(|vm| match exception.get(vm)?.downcast::<PyBaseException>() {
        Ok(exception) => Err(exception),
        Err(_) => Err(vm.new_type_error("codec must pass exception instance")),
    })
}

/// Goes on behind what cannot be coded.
pub unsafe extern "C" fn PyCodec_IgnoreErrors(exception: Borrowed) -> New {
    handle("ignore", exception)
}

/// Replaces what cannot be coded by `?` or U+FFFD.
pub unsafe extern "C" fn PyCodec_ReplaceErrors(exception: Borrowed) -> New {
    handle("replace", exception)
}

/// Replaces what cannot be encoded by XML's references.
pub unsafe extern "C" fn PyCodec_XMLCharRefReplaceErrors(exception: Borrowed) -> New {
    handle("xmlcharrefreplace", exception)
}

/// Replaces what cannot be coded by escapes with numbers.
pub unsafe extern "C" fn PyCodec_BackslashReplaceErrors(exception: Borrowed) -> New {
    handle("backslashreplace", exception)
}

/// Replaces what cannot be encoded by escapes with names.
pub unsafe extern "C" fn PyCodec_NameReplaceErrors(exception: Borrowed) -> New {
    handle("namereplace", exception)
}

/// Passes a string through a codec, UTF-8 if NULL, which may have to give a string.
unsafe fn transform_string(
    string: Borrowed,
    encoding: *const c_char,
    errors: *const c_char,
    encode: bool,
    to_string: bool,
) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        if !is_str(string) {
            return Err(bad_argument(vm));
        }
        let encoding = if encoding.is_null() { "utf-8".to_owned() } else { text::of_c(encoding) };
        let result = transform(vm, string.get(vm)?, &encoding, errors, encode)?;
        if to_string && !result.downcastable::<PyStr>() {
            let what = if encode { "encode" } else { "decode" };
            return Err(vm.new_type_error(format!(
                "'{encoding}' {what}r returned '{}' instead of 'str'; use codecs.{what}() to {what} to arbitrary types",
                result.class().name()
            )));
        }
        Ok(New::of(vm, result))
    })
}

/// Passes a string through a decoder; whatever it gives.
pub unsafe extern "C" fn PyUnicode_AsDecodedObject(
    string: Borrowed,
    encoding: *const c_char,
    errors: *const c_char,
) -> New {
    // SAFETY: C's arguments.
    unsafe { transform_string(string, encoding, errors, false, false) }
}

/// Passes a string through a decoder, which has to give a string.
pub unsafe extern "C" fn PyUnicode_AsDecodedUnicode(
    string: Borrowed,
    encoding: *const c_char,
    errors: *const c_char,
) -> New {
    // SAFETY: C's arguments.
    unsafe { transform_string(string, encoding, errors, false, true) }
}

/// Passes a string through an encoder; whatever it gives.
pub unsafe extern "C" fn PyUnicode_AsEncodedObject(
    string: Borrowed,
    encoding: *const c_char,
    errors: *const c_char,
) -> New {
    // SAFETY: C's arguments.
    unsafe { transform_string(string, encoding, errors, true, false) }
}

/// Passes a string through an encoder, which has to give a string.
pub unsafe extern "C" fn PyUnicode_AsEncodedUnicode(
    string: Borrowed,
    encoding: *const c_char,
    errors: *const c_char,
) -> New {
    // SAFETY: C's arguments.
    unsafe { transform_string(string, encoding, errors, true, true) }
}
