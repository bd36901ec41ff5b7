//! The worker's buffers for encrypted bytes: no connection owns one while nothing is under way on it.

use std::cell::RefCell;

/// What is read from a socket at once.
pub(crate) const READ_BYTES: usize = 48 * 1024;
/// Plain bytes that are encrypted before the kernel is asked to take them: four full records.
pub(crate) const WRITE_BYTES: usize = 64 * 1024;

thread_local! {
    static INCOMING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTGOING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static GATHERED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// For what arrives; at least `length` bytes, with anything in them.
pub(crate) fn incoming<R>(length: usize, f: impl FnOnce(&mut [u8]) -> R) -> R {
    sized(&INCOMING, length, f)
}

/// For what leaves; at least `length` bytes, with anything in them.
pub(crate) fn outgoing<R>(length: usize, f: impl FnOnce(&mut [u8]) -> R) -> R {
    sized(&OUTGOING, length, f)
}

/// For pieces that leave as one; empty.
pub(crate) fn gathered<R>(f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    GATHERED.with(|cell| {
        let mut bytes = cell.borrow_mut();
        bytes.clear();
        f(&mut bytes)
    })
}

fn sized<R>(key: &'static std::thread::LocalKey<RefCell<Vec<u8>>>, length: usize, f: impl FnOnce(&mut [u8]) -> R) -> R {
    key.with(|cell| {
        let mut bytes = cell.borrow_mut();
        if bytes.len() < length {
            bytes.resize(length, 0);
        }
        f(&mut bytes)
    })
}
