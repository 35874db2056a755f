//! The entries' machine code for x86-64 with the System V calling convention.

/// Functions with a fixed number of arguments: one jump through the table, nothing else.
macro_rules! plain {
    ($($index:literal $name:ident)*) => {$(
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!("jmp qword ptr [rip + {targets} + 8 * {index}]", targets = sym TARGETS, index = const $index)
        }
    )*};
}

/// Variadic functions: spill the argument registers as a variadic C function does, build the platform's `va_list`
/// (System V ABI, 3.5.7) and hand a pointer to it on as the argument after the `fixed` ones. That is also how a C
/// caller passes a `va_list`, so one implementation serves `PyErr_Format` and `PyErr_FormatV`.
///
/// Frame, upwards from `rsp`: 8 bytes for a seventh argument and 8 of padding, 176 of register save area, the `va_list`.
macro_rules! variadic {
    ($($index:literal $name:ident $fixed:tt)*) => {$(
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            core::arch::naked_asm!(
                "sub rsp, 216",
                "mov [rsp + 16], rdi",
                "mov [rsp + 24], rsi",
                "mov [rsp + 32], rdx",
                "mov [rsp + 40], rcx",
                "mov [rsp + 48], r8",
                "mov [rsp + 56], r9",
                "test al, al",
                "je 2f",
                "movaps [rsp + 64], xmm0",
                "movaps [rsp + 80], xmm1",
                "movaps [rsp + 96], xmm2",
                "movaps [rsp + 112], xmm3",
                "movaps [rsp + 128], xmm4",
                "movaps [rsp + 144], xmm5",
                "movaps [rsp + 160], xmm6",
                "movaps [rsp + 176], xmm7",
                "2:",
                "mov dword ptr [rsp + 192], 8 * {fixed}",
                "mov dword ptr [rsp + 196], 48",
                "lea rax, [rsp + 224]",
                "mov [rsp + 200], rax",
                "lea rax, [rsp + 16]",
                "mov [rsp + 208], rax",
                "lea rax, [rsp + 192]",
                pass!($fixed),
                "call qword ptr [rip + {targets} + 8 * {index}]",
                "add rsp, 216",
                "ret",
                targets = sym TARGETS,
                index = const $index,
                fixed = const $fixed,
            )
        }
    )*};
}

/// Puts `rax` where the argument after `fixed` others goes.
macro_rules! pass {
    (1) => { "mov rsi, rax" };
    (2) => { "mov rdx, rax" };
    (3) => { "mov rcx, rax" };
    (4) => { "mov r8, rax" };
    (5) => { "mov r9, rax" };
    (6) => { "mov [rsp], rax" };
}
