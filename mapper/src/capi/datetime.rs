//! `datetime.h`: the classes of `_datetime` and the capsule through which C code makes their objects. Their blocks
//! show the fields that the header's macros read (see [`crate::twins::forms::record`]).

use super::prelude::*;
use rustpython_vm::function::FuncArgs;

const NAME: &CStr = c"datetime.datetime_CAPI";

/// Gives the module `datetime` its capsule when C code asks for it.
///
/// # Errors
/// What making it raises.
pub(crate) fn provide(vm: &VirtualMachine, path: &str, module: &PyObjectRef) -> PyResult<()> {
    if path.as_bytes() != NAME.to_bytes() || leave(vm, || vm.get_attribute_opt(module, "datetime_CAPI"))?.is_some() {
        return Ok(());
    }
    let api = Box::into_raw(Box::new(capi(vm, module)?));
    let capsule = crate::twins::forms::capsule::new(vm, api.cast(), NAME.as_ptr(), Some(end));
    // SAFETY: a new reference.
    let capsule = unsafe { Stolen::new(capsule) }.take(vm)?;
    leave(vm, || module.set_attr("datetime_CAPI", capsule, vm))
}

fn capi(vm: &VirtualMachine, module: &PyObjectRef) -> PyResult<c::PyDateTime_CAPI> {
    let object = |name: &'static str| leave(vm, || module.get_attr(name, vm)).map(|it| store::store(vm, &it));
    let class = |name| object(name).map(Block::cast);
    Ok(c::PyDateTime_CAPI {
        DateType: class("date")?,
        DateTimeType: class("datetime")?,
        TimeType: class("time")?,
        DeltaType: class("timedelta")?,
        TZInfoType: class("tzinfo")?,
        TimeZone_UTC: object("UTC")?,
        Date_FromDate: date as *const c_void,
        DateTime_FromDateAndTime: datetime as *const c_void,
        Time_FromTime: time as *const c_void,
        Delta_FromDelta: delta as *const c_void,
        TimeZone_FromTimeZone: time_zone as *const c_void,
        DateTime_FromTimestamp: datetime_from_timestamp as *const c_void,
        Date_FromTimestamp: date_from_timestamp as *const c_void,
        DateTime_FromDateAndTimeAndFold: datetime_with_fold as *const c_void,
        Time_FromTimeAndFold: time_with_fold as *const c_void,
    })
}

/// The capsule's end: its references go.
unsafe extern "C" fn end(capsule: Block) {
    // SAFETY: the capsule is one that `provide` made.
    unsafe {
        let api = Box::from_raw(
            (*capsule.cast::<crate::twins::forms::capsule::CapsuleBlock>()).pointer.cast::<c::PyDateTime_CAPI>(),
        );
        for class in [api.DateType, api.DateTimeType, api.TimeType, api.DeltaType, api.TZInfoType] {
            dealloc::decref(class.cast());
        }
        dealloc::decref(api.TimeZone_UTC);
    }
}

/// A new object of a class that derives from the named one, whose own `__new__` is not asked, as in CPython.
fn new(vm: &VirtualMachine, base: &'static str, class: Borrowed, mut args: FuncArgs) -> PyResult<New> {
    let make = leave(vm, || types::of_builtin_module(vm, "_datetime", base)?.as_object().get_attr("__new__", vm))?;
    args.args.insert(0, class.get(vm)?);
    Ok(New::of(vm, leave(vm, || make.call(args, vm))?))
}

unsafe extern "C" fn date(year: c_int, month: c_int, day: c_int, class: Borrowed) -> New {
    api(|vm| new(vm, "date", class, numbers(vm, &[year, month, day])))
}

unsafe extern "C" fn datetime(
    year: c_int,
    month: c_int,
    day: c_int,
    hour: c_int,
    minute: c_int,
    second: c_int,
    microsecond: c_int,
    zone: Borrowed,
    class: Borrowed,
) -> New {
    // SAFETY: as for this function.
    unsafe { datetime_with_fold(year, month, day, hour, minute, second, microsecond, zone, 0, class) }
}

unsafe extern "C" fn time(
    hour: c_int,
    minute: c_int,
    second: c_int,
    microsecond: c_int,
    zone: Borrowed,
    class: Borrowed,
) -> New {
    // SAFETY: as for this function.
    unsafe { time_with_fold(hour, minute, second, microsecond, zone, 0, class) }
}

/// A new time difference. The fields are normalized in any case: they are when they are in range.
unsafe extern "C" fn delta(
    days: c_int,
    seconds: c_int,
    microseconds: c_int,
    _normalize: c_int,
    class: Borrowed,
) -> New {
    api(|vm| new(vm, "timedelta", class, numbers(vm, &[days, seconds, microseconds])))
}

/// A time zone with a fixed offset and a name, which may be NULL.
unsafe extern "C" fn time_zone(offset: Borrowed, name: Borrowed) -> New {
    api(|vm| {
        let class = leave(vm, || vm.import("datetime", 0)?.get_attr("timezone", vm))?;
        let args: Vec<PyObjectRef> = std::iter::once(offset.get(vm)?).chain(name.opt(vm)?).collect();
        Ok(New::of(vm, leave(vm, || class.call(args, vm))?))
    })
}

/// `class.fromtimestamp(*args, **kwargs)`, for the DB API.
unsafe extern "C" fn datetime_from_timestamp(class: Borrowed, args: Borrowed, kwargs: Borrowed) -> New {
    api(|vm| {
        let method = leave_with(vm, class.get(vm)?, |it| it.get_attr("fromtimestamp", vm))?;
        // SAFETY: a new reference, and C's arguments.
        unsafe {
            let method = Stolen::new(store::store(vm, &method));
            crate::calls::calling::call(vm, Borrowed(method.block()), args, kwargs)
        }
    })
}

/// `class.fromtimestamp(*args)`, for the DB API.
unsafe extern "C" fn date_from_timestamp(class: Borrowed, args: Borrowed) -> New {
    // SAFETY: as for this function.
    unsafe { datetime_from_timestamp(class, args, Borrowed(std::ptr::null_mut())) }
}

unsafe extern "C" fn datetime_with_fold(
    year: c_int,
    month: c_int,
    day: c_int,
    hour: c_int,
    minute: c_int,
    second: c_int,
    microsecond: c_int,
    zone: Borrowed,
    fold: c_int,
    class: Borrowed,
) -> New {
    api(|vm| {
        new(vm, "datetime", class, in_zone(vm, &[year, month, day, hour, minute, second, microsecond], zone, fold)?)
    })
}

unsafe extern "C" fn time_with_fold(
    hour: c_int,
    minute: c_int,
    second: c_int,
    microsecond: c_int,
    zone: Borrowed,
    fold: c_int,
    class: Borrowed,
) -> New {
    api(|vm| new(vm, "time", class, in_zone(vm, &[hour, minute, second, microsecond], zone, fold)?))
}

fn numbers(vm: &VirtualMachine, fields: &[c_int]) -> FuncArgs {
    fields.iter().map(|field| vm.ctx.new_int(*field).into()).collect::<Vec<PyObjectRef>>().into()
}

/// The arguments for a date or time in a zone, on one side of a clock's being set back.
fn in_zone(vm: &VirtualMachine, fields: &[c_int], zone: Borrowed, fold: c_int) -> PyResult<FuncArgs> {
    let mut args = numbers(vm, fields);
    args.args.push(zone.get(vm)?);
    if fold != 0 {
        args.kwargs.insert("fold".into(), vm.ctx.new_int(fold).into());
    }
    Ok(args)
}
