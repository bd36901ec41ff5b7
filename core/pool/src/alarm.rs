use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Tells the heart that failure counters moved. Rings once until it is answered, so errors coalesce: there is no
/// queue that could fill and nothing that could be dropped.
#[derive(Default)]
pub(crate) struct Alarm {
    rung: AtomicBool,
    bell: Mutex<Option<Arc<dyn Fn() + Send + Sync>>>,
}

impl Alarm {
    /// Rings unless it rang already and was not answered yet.
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            self.sound();
        }
    }

    /// The heart is about to read the counters: whatever happens from here on rings again.
    pub(crate) fn answer(&self) {
        self.rung.store(false, Ordering::SeqCst);
    }

    /// What a ring does; rings at once if one came before anybody listened.
    pub(crate) fn set(&self, bell: Arc<dyn Fn() + Send + Sync>) {
        *self.bell.lock().unwrap_or_else(PoisonError::into_inner) = Some(bell);
        if self.rung.load(Ordering::SeqCst) {
            self.sound();
        }
    }

    fn sound(&self) {
        let bell = self.bell.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(bell) = bell {
            bell();
        }
    }
}

impl std::fmt::Debug for Alarm {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Alarm")
            .field("rung", &self.rung)
            .finish_non_exhaustive()
    }
}
