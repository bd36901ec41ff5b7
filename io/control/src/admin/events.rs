//! State changes as they happen, as server-sent events.

use super::Chunk;
use crate::hearts::Happening;
use hyper::body::{Body, Frame};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Events that may wait for a slow reader here; behind it the broadcast holds more, then some are missed and it is said.
const WAITING: usize = 16;
/// A sign of life while nothing happens, so that dead readers are noticed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// The body of an event stream; endless.
pub(crate) struct Events {
    chunks: mpsc::Receiver<Chunk>,
    _place: OwnedSemaphorePermit,
}

/// Follows the happenings until the reader goes.
pub(super) fn follow(happenings: broadcast::Receiver<Arc<Happening>>, place: OwnedSemaphorePermit) -> Events {
    let (sender, chunks) = mpsc::channel(WAITING);
    tokio::spawn(forward(happenings, sender));
    Events { chunks, _place: place }
}

async fn forward(mut happenings: broadcast::Receiver<Arc<Happening>>, reader: mpsc::Sender<Chunk>) {
    let mut chunk = ": follow\n\n".to_owned();
    loop {
        if reader.send(chunk.into()).await.is_err() {
            return;
        }
        let next = tokio::select! {
            next = tokio::time::timeout(SIGN_OF_LIFE, happenings.recv()) => next,
            () = reader.closed() => return,
        };
        chunk = match next {
            Err(_) => ": still here\n\n".to_owned(),
            Ok(Err(RecvError::Closed)) => return,
            Ok(Err(RecvError::Lagged(missed))) => format!("event: missed\ndata: {{\"missed\":{missed}}}\n\n"),
            Ok(Ok(happening)) => event(&happening),
        };
    }
}

fn event(happening: &Happening) -> String {
    // JSON of ours has no line breaks outside of strings, and none inside (they are escaped).
    let json = serde_json::to_string(happening).unwrap_or_default();
    format!("event: {}\ndata: {json}\n\n", happening.kind)
}

impl Body for Events {
    type Data = Chunk;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Chunk>, Infallible>>> {
        self.chunks
            .poll_recv(context)
            .map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}
