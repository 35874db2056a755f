//! The structs of `datetime.h`.
#![expect(non_snake_case, reason = "names are CPython's")]

use super::*;

layout! {
    struct PyDateTime_Delta {
        ob_base: PyObject,
        hashcode: isize,
        days: c_int,
        seconds: c_int,
        microseconds: c_int,
    }
}

layout! {
    struct PyDateTime_Date {
        ob_base: PyObject,
        hashcode: isize,
        hastzinfo: c_char,
        data: [u8; 4],
    }
}

layout! {
    struct PyDateTime_Time {
        ob_base: PyObject,
        hashcode: isize,
        hastzinfo: c_char,
        data: [u8; 6],
        fold: u8,
        tzinfo: *mut PyObject,
    }
}

layout! {
    struct PyDateTime_DateTime {
        ob_base: PyObject,
        hashcode: isize,
        hastzinfo: c_char,
        data: [u8; 10],
        fold: u8,
        tzinfo: *mut PyObject,
    }
}

/// A constructor's address: what it takes is said where it is defined.
pub type Constructor = *const std::ffi::c_void;

layout! {
    struct PyDateTime_CAPI {
        DateType: *mut PyTypeObject,
        DateTimeType: *mut PyTypeObject,
        TimeType: *mut PyTypeObject,
        DeltaType: *mut PyTypeObject,
        TZInfoType: *mut PyTypeObject,
        TimeZone_UTC: *mut PyObject,
        Date_FromDate: Constructor,
        DateTime_FromDateAndTime: Constructor,
        Time_FromTime: Constructor,
        Delta_FromDelta: Constructor,
        TimeZone_FromTimeZone: Constructor,
        DateTime_FromTimestamp: Constructor,
        Date_FromTimestamp: Constructor,
        DateTime_FromDateAndTimeAndFold: Constructor,
        Time_FromTimeAndFold: Constructor,
    }
}
