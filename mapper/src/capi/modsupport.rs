//! `modsupport.h`: building values, adding to modules, and (in `getargs`) parsing arguments.
pub(crate) unsafe fn build_value(vm: &rustpython_vm::VirtualMachine, _f: *const std::ffi::c_char, _va: &mut crate::va_list::VaList) -> rustpython_vm::PyResult<crate::reference::New> { Err(vm.new_system_error("not yet")) }
