use std::cell::RefCell;

/// What is read at once from either side: large enough that a body costs few system calls, small enough to stay in
/// the processor's second-level cache together with what it is copied to.
pub(crate) const SCRATCH_BYTES: usize = 48 * 1024;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
}

/// The worker's one read buffer. Whoever uses it must copy what it wants to keep: no connection owns a buffer.
pub(crate) fn with<R>(f: impl FnOnce(&mut [u8]) -> R) -> R {
    SCRATCH.with(|scratch| f(&mut scratch.borrow_mut()))
}
