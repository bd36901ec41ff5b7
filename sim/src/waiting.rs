//! Waiting in the pool's line, and being called.

use crate::world::{Happening, Stage, World};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

impl World {
    pub(crate) fn wait(&mut self, request: u64) -> Result<(), String> {
        let called = Arc::clone(&self.called);
        let waker = Box::new(move || {
            called
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((request, false));
        });
        let queue = self.heart.view().queue;
        let gate = Arc::clone(&self.shared.gate);
        let Some(exchange) = self.exchanges.get_mut(&request) else {
            return Ok(());
        };
        self.next += 1;
        exchange.lined = self.next;
        match &exchange.stage {
            Stage::Waiting(ticket) => {
                gate.wait_again(ticket, waker);
                return Ok(());
            }
            // Its home is away and so is everybody else's place: like any other from here on.
            Stage::AtHome(_) => {
                exchange.wish = exchange.wish.elsewhere();
                exchange.stage = Stage::Over;
            }
            Stage::Sent(_) | Stage::Over => {}
        }
        let Ok(ticket) = gate.wait(waker, queue.size) else {
            self.exchanges.remove(&request);
            self.tally.queue_full += 1;
            return Ok(());
        };
        exchange.stage = Stage::Waiting(ticket);
        self.next += 1;
        exchange.turn = self.next;
        self.tally.waited += 1;
        self.after(queue.timeout, Happening::QueueTimeout { request });
        Ok(())
    }

    /// Those who were called come to the door a little later: a thread has to wake up first.
    pub(crate) fn wake(&mut self) {
        let called = std::mem::take(&mut *self.called.lock().unwrap_or_else(PoisonError::into_inner));
        for (request, home) in called {
            self.next += 1;
            if let Some(exchange) = self.exchanges.get_mut(&request)
                && !home
            {
                exchange.called = self.next;
            }
            self.on_their_way.insert((request, home));
            let pause = Duration::from_micros(self.dice.below(500) as u64);
            self.after(pause, Happening::Called { request, home });
        }
    }

    pub(crate) fn at_the_door(&mut self, request: u64, home: bool) -> Result<(), String> {
        self.on_their_way.remove(&(request, home));
        match self.exchanges.get(&request).map(|exchange| &exchange.stage) {
            Some(Stage::Waiting(_)) if !home => self.choose(request, true),
            Some(Stage::AtHome(_)) if home => self.choose(request, false),
            // It left that line meanwhile.
            Some(Stage::Waiting(_) | Stage::AtHome(_) | Stage::Sent(_) | Stage::Over) | None => Ok(()),
        }
    }
}
