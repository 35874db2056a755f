//! `descrobject.h`: descriptors and the read-only view of a mapping.

use super::prelude::*;

/// A new read-only view of a mapping.
pub unsafe extern "C" fn PyDictProxy_New(mapping: Borrowed) -> New {
    api(|vm| {
        let class: PyObjectRef = vm.ctx.types.mappingproxy_type.to_owned().into();
        Ok(New::of(vm, class.call((mapping.get(vm)?,), vm)?))
    })
}

/// Whether a descriptor can be assigned to.
pub unsafe extern "C" fn PyDescr_IsData(descriptor: Borrowed) -> c_int {
    infallible(0, |vm| Ok(c_int::from(descriptor.get(vm)?.class().slots.descr_set.load().is_some())))
}

/// A new namespace with the items of a dict, which may be NULL.
pub unsafe extern "C" fn _PyNamespace_New(items: Borrowed) -> New {
    api(|vm| {
        let class = vm.import("types", 0)?.get_attr("SimpleNamespace", vm)?;
        let args: Vec<PyObjectRef> = items.opt(vm)?.into_iter().collect();
        Ok(New::of(vm, leave(vm, || class.call(args, vm))?))
    })
}
