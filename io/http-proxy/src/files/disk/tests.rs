use super::*;
use evenkeel_net::within;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Poll;

/// Longer than anything here takes on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Runs `future` on a worker of its own.
fn on_worker<T: Send + 'static>(future: impl AsyncFnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(move || {
        reactor::begin().unwrap();
        let result = Rc::new(Cell::new(None));
        let slot = result.clone();
        reactor::spawn(async move {
            slot.set(Some(future().await));
            reactor::stop();
        });
        reactor::run().unwrap();
        result.take().unwrap()
    })
    .join()
    .unwrap()
}

async fn answer<T>(reply: Reply<T>) -> Result<T, Busy> {
    let answered = within(reactor::now() + SOON, || match reply.take() {
        Some(found) => Poll::Ready(found),
        None => Poll::Pending,
    });
    answered.await.expect("the task that asked is woken")
}

/// A job that hangs until its sender is dropped.
fn hung() -> (Sender<()>, impl FnOnce() -> u32 + Send + 'static) {
    let (release, held): (Sender<()>, Receiver<()>) = channel();
    let job = move || {
        let _ = held.recv_timeout(SOON);
        7
    };
    (release, job)
}

#[test]
fn others_on_the_worker_go_on_while_a_disk_hangs() {
    on_worker(async || {
        let disk = Disk::of(Path::new("/others-go-on"));
        let (release, job) = hung();
        let reply = disk.ask(Urgency::Begins, job).unwrap();
        let release = Rc::new(Cell::new(Some(release)));
        let holder = release.clone();
        // Only another task of the same worker lets the disk go on.
        reactor::spawn(async move { drop(holder.take()) });
        assert_eq!(answer(reply).await, Ok(7));
        assert!(release.take().is_none());
    });
}

#[test]
fn only_so_many_wait_and_whoever_has_begun_is_among_them() {
    on_worker(async || {
        let disk = Disk::of(Path::new("/only-so-many"));
        let mut releases = Vec::new();
        let mut replies = Vec::new();
        let mut refused = 0;
        for _ in 0..THREADS + WAITING + 10 {
            let (release, job) = hung();
            match disk.ask(Urgency::Begins, job) {
                Ok(reply) => replies.push(reply),
                Err(Busy) => refused += 1,
            }
            releases.push(release);
        }
        // The threads take theirs when they come to it.
        assert!((10..=10 + THREADS).contains(&refused), "{refused}");
        let last = disk.ask(Urgency::GoesOn, || 8).unwrap();
        assert!(locked(&disk.0.state).threads <= THREADS);
        releases.clear();
        assert_eq!(answer(last).await, Ok(8));
        for reply in replies {
            assert_eq!(answer(reply).await, Ok(7));
        }
    });
}

#[test]
fn what_nobody_waits_for_any_more_is_not_done() {
    on_worker(async || {
        let disk = Disk::of(Path::new("/nobody-waits"));
        let (releases, replies): (Vec<_>, Vec<_>) = (0..THREADS)
            .map(|_| {
                let (release, job) = hung();
                (release, disk.ask(Urgency::Begins, job).unwrap())
            })
            .unzip();
        let (sender, seen) = channel();
        drop(disk.ask(Urgency::Begins, move || sender.send(())).unwrap());
        drop(releases);
        for reply in replies {
            assert_eq!(answer(reply).await, Ok(7));
        }
        let after = disk.ask(Urgency::Begins, || 9).unwrap();
        assert_eq!(answer(after).await, Ok(9));
        assert!(seen.recv_timeout(SOON).is_err(), "it was done all the same");
    });
}

#[test]
fn a_bug_in_a_job_is_told_and_the_thread_goes_on() {
    on_worker(async || {
        let disk = Disk::of(Path::new("/a-bug"));
        for _ in 0..THREADS * 2 {
            let reply = disk.ask(Urgency::Begins, || -> u32 { panic!("on purpose") }).unwrap();
            assert_eq!(answer(reply).await, Err(Busy));
        }
        let reply = disk.ask(Urgency::Begins, || 1).unwrap();
        assert_eq!(answer(reply).await, Ok(1));
    });
}

#[test]
fn a_directory_has_the_same_threads_on_every_worker() {
    let (one, same, other) = (
        Disk::of(Path::new("/one")),
        Disk::of(Path::new("/one")),
        Disk::of(Path::new("/other")),
    );
    assert!(Arc::ptr_eq(&one.0, &same.0) && !Arc::ptr_eq(&one.0, &other.0));
}
