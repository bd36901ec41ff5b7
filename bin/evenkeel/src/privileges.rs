//! What root may do and a balancer need not.

use evenkeel_control::log;
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs};

/// What stays: ports below 1024 (a reload may bring new ones), and the files that the operator names, whoever owns them.
const KEPT: CapabilitySet = CapabilitySet::NET_BIND_SERVICE.union(CapabilitySet::DAC_OVERRIDE);

/// Gives away for good every capability but [`KEPT`], and the chance to get any back. To be called before other threads
/// begin: each has capabilities of its own.
pub(crate) fn drop_unneeded() {
    let dropped = capabilities(None).and_then(|own| {
        let kept = CapabilitySets {
            effective: own.effective & KEPT,
            permitted: own.permitted & KEPT,
            inheritable: CapabilitySet::empty(),
        };
        set_capabilities(None, kept)?;
        set_no_new_privs(true)
    });
    if let Err(error) = dropped {
        log::warn("capabilities stay as they are", &[("error", &error)]);
    }
}
