//! The arguments of a variadic C function, as the System V ABI for x86-64 lays a `va_list` out (3.5.7). The stub's
//! entries build one; `V` forms get their caller's.

use std::ffi::c_void;

/// `va_list`: passed as a pointer to this.
#[repr(C)]
#[derive(Debug)]
pub struct VaList {
    gp_offset: u32,
    fp_offset: u32,
    overflow: *mut u8,
    registers: *mut u8,
}

impl VaList {
    /// Where the next integer or pointer lies.
    fn next_word(&mut self) -> *mut u8 {
        if self.gp_offset < 48 {
            self.gp_offset += 8;
            // SAFETY: the save area has 48 bytes of integer registers.
            unsafe { self.registers.add(self.gp_offset as usize - 8) }
        } else {
            self.next_overflow()
        }
    }

    fn next_overflow(&mut self) -> *mut u8 {
        let at = self.overflow;
        // SAFETY: the caller passed as many arguments as it said.
        self.overflow = unsafe { at.add(8) };
        at
    }

    /// The next argument, an integer or pointer of type `T`.
    ///
    /// # Safety
    /// There is one, and it has that type.
    #[inline]
    pub unsafe fn next<T: Copy>(&mut self) -> T {
        debug_assert!(size_of::<T>() <= 8);
        // SAFETY: by contract; words are aligned.
        unsafe { self.next_word().cast::<T>().read() }
    }

    /// The next argument, a `double`.
    ///
    /// # Safety
    /// There is one, and it has that type.
    pub unsafe fn next_double(&mut self) -> f64 {
        let at = if self.fp_offset < 176 {
            self.fp_offset += 16;
            // SAFETY: the save area has 128 bytes of vector registers behind the integer ones.
            unsafe { self.registers.add(self.fp_offset as usize - 16) }
        } else {
            self.next_overflow()
        };
        // SAFETY: by contract.
        unsafe { at.cast::<f64>().read() }
    }

    /// The next argument, a pointer.
    ///
    /// # Safety
    /// There is one, and it is a pointer to `T`.
    #[inline]
    pub unsafe fn pointer<T>(&mut self) -> *mut T {
        // SAFETY: by contract.
        unsafe { self.next::<*mut c_void>().cast() }
    }
}
