//! How other threads reach a reactor.

use super::TaskId;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;

pub(super) enum Message {
    Wake(TaskId),
    Run(Box<dyn FnOnce() + Send>),
}

pub(super) struct Mailbox {
    pub(super) messages: Mutex<Vec<Message>>,
    pub(super) bell: mio::Waker,
}

/// A handle by which other threads reach this reactor.
#[derive(Clone)]
pub struct Remote {
    pub(super) mailbox: Arc<Mailbox>,
}

impl Remote {
    /// Runs `job` on the worker's thread, soon. Jobs run in the order of sending.
    pub fn run(&self, job: Box<dyn FnOnce() + Send>) {
        self.send(Message::Run(job));
    }

    /// Wakes a task.
    pub fn wake(&self, task: TaskId) {
        self.send(Message::Wake(task));
    }

    fn send(&self, message: Message) {
        let mut messages = self.mailbox.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages.push(message);
        let first = messages.len() == 1;
        drop(messages);
        if first {
            // Fails only when the kernel has no memory for eight bytes; the next message rings again.
            let _ = self.mailbox.bell.wake();
        }
    }
}

pub(super) struct TaskWaker {
    pub(super) remote: Remote,
    pub(super) task: TaskId,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.remote.wake(self.task);
    }
}
