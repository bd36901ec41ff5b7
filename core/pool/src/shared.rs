use crate::alarm::Alarm;
use crate::{Gate, View};
use arc_swap::{ArcSwap, Guard};
use evenkeel_model::Name;
use std::sync::Arc;

/// What doors hold of a pool.
#[derive(Debug)]
pub struct Shared {
    /// The pool's name.
    pub name: Name,
    /// Where requests wait for a place.
    pub gate: Arc<Gate>,
    view: ArcSwap<View>,
    alarm: Arc<Alarm>,
}

impl Shared {
    pub(crate) fn new(view: Arc<View>, alarm: Arc<Alarm>) -> Shared {
        Shared {
            name: Arc::clone(&view.pool),
            gate: Arc::clone(&view.gate),
            view: ArcSwap::new(view),
            alarm,
        }
    }

    /// The newest View.
    pub fn load(&self) -> Guard<Arc<View>> {
        self.view.load()
    }

    /// For readers that keep an `arc_swap::Cache`.
    pub fn views(&self) -> &ArcSwap<View> {
        &self.view
    }

    /// What happens when a request fails by a backend's fault: wake whoever runs the heart, which then handles
    /// [`crate::Event::Traffic`]. Called on workers, so it must be quick; called once until the heart has looked.
    pub fn set_alarm(&self, alarm: Arc<dyn Fn() + Send + Sync>) {
        self.alarm.set(alarm);
    }

    pub(crate) fn publish(&self, view: Arc<View>) {
        self.view.store(view);
    }
}
