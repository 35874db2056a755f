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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a variadic function's entry saves: six integer registers, eight vector registers of two words each.
    #[repr(C, align(16))]
    struct Saved {
        words: [u64; 6],
        doubles: [[f64; 2]; 8],
    }

    fn saved() -> Saved {
        let words = [10, 11, 12, 13, 14, 15];
        Saved { words, doubles: std::array::from_fn(|index| [index as f64, f64::NAN]) }
    }

    fn list(saved: &mut Saved, overflow: &mut [u64], named: u32) -> VaList {
        VaList {
            gp_offset: 8 * named,
            fp_offset: 48,
            overflow: overflow.as_mut_ptr().cast(),
            registers: (&raw mut *saved).cast(),
        }
    }

    #[test]
    fn integers_come_from_registers_and_then_from_the_stack() {
        let (mut saved, mut overflow) = (saved(), [20, 21]);
        let mut list = list(&mut saved, &mut overflow, 2);
        // SAFETY: as many as there are.
        let read: Vec<u64> = (0..6).map(|_| unsafe { list.next() }).collect();
        assert_eq!(read, [12, 13, 14, 15, 20, 21]);
    }

    #[test]
    fn doubles_have_registers_of_their_own_and_share_the_stack() {
        let (mut saved, mut overflow) = (saved(), [20, 8.5f64.to_bits(), 21, 9.5f64.to_bits()]);
        let mut list = list(&mut saved, &mut overflow, 6);
        // SAFETY: as many as there are, in this order.
        unsafe {
            for index in 0..8 {
                assert_eq!(list.next_double(), f64::from(index));
            }
            assert_eq!((list.next::<u64>(), list.next_double()), (20, 8.5));
            assert_eq!((list.next::<u64>(), list.next_double()), (21, 9.5));
        }
    }

    #[test]
    fn short_integers_and_pointers_take_a_word() {
        let mut target = 5u16;
        let (mut saved, mut overflow) = (saved(), [0xFFFF_FFFF_0000_0007, (&raw mut target) as u64, u64::MAX]);
        let mut list = list(&mut saved, &mut overflow, 6);
        // SAFETY: as many as there are, of these types.
        unsafe {
            assert_eq!(list.next::<i32>(), 7);
            assert_eq!(*list.pointer::<u16>(), 5);
            assert_eq!(list.next::<i32>(), -1);
        }
    }
}
