use super::*;
use crate::{Socket, Stream};
use std::cell::Cell;
use std::rc::Rc;
use std::task::Poll as TaskPoll;

/// Runs `future` on a reactor of a thread of its own.
fn on_worker<T: Send + 'static>(future: impl AsyncFnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(move || {
        begin().unwrap();
        let result = Rc::new(Cell::new(None));
        let slot = result.clone();
        spawn(async move {
            slot.set(Some(future().await));
            stop();
        });
        run().unwrap();
        result.take().unwrap()
    })
    .join()
    .unwrap()
}

fn pair() -> (Socket, Socket) {
    let (a, b) = mio::net::UnixStream::pair().unwrap();
    (
        Socket::new(Stream::Unix(a)).unwrap(),
        Socket::new(Stream::Unix(b)).unwrap(),
    )
}

async fn read(socket: &Socket, buffer: &mut [u8]) -> usize {
    within(now() + Duration::from_secs(20), || match socket.try_read(buffer) {
        Ok(Some(length)) => TaskPoll::Ready(length),
        Ok(None) => TaskPoll::Pending,
        Err(error) => panic!("{error}"),
    })
    .await
    .unwrap()
}

#[test]
fn bytes_and_their_end_arrive_even_when_announced_together() {
    on_worker(async || {
        let (a, b) = pair();
        a.try_write(b"hello").unwrap();
        a.end_writing();
        let mut buffer = [0; 64];
        assert_eq!(read(&b, &mut buffer).await, 5);
        assert_eq!(read(&b, &mut buffer).await, 0);
        assert_eq!(read(&b, &mut buffer).await, 0, "the end stays the end");
    });
}

#[test]
fn a_task_waits_without_a_deadline_for_another_task() {
    let seen = on_worker(async || {
        let (a, b) = pair();
        spawn(async move {
            yield_now().await;
            a.try_write(b"x").unwrap();
            sleep_until(now() + Duration::from_millis(20)).await;
            a.try_write(b"y").unwrap();
        });
        let mut buffer = [0; 1];
        let first = read(&b, &mut buffer).await;
        first + read(&b, &mut buffer).await
    });
    assert_eq!(seen, 2);
}

#[test]
fn a_deadline_comes_not_before_its_time_and_may_be_moved_both_ways() {
    on_worker(async || {
        let begin = clock::now();
        let far = within(begin + Duration::from_secs(3600), || {
            if clock::now().since(begin) > Duration::from_millis(1) {
                TaskPoll::Ready(())
            } else {
                wake(current());
                TaskPoll::Pending
            }
        });
        far.await.unwrap();
        let deadline = clock::now() + Duration::from_millis(30);
        assert_eq!(within(deadline, || TaskPoll::<()>::Pending).await, Err(Elapsed));
        assert!(clock::now() >= deadline);
    });
}

#[test]
fn other_threads_wake_and_run() {
    on_worker(async || {
        let handle = remote();
        let task = current();
        let flag = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let set = flag.clone();
        std::thread::spawn(move || {
            handle.run(Box::new(move || set.store(true, std::sync::atomic::Ordering::SeqCst)));
            handle.wake(task);
        });
        within(Moment::NEVER, || {
            if flag.load(std::sync::atomic::Ordering::SeqCst) {
                TaskPoll::Ready(())
            } else {
                TaskPoll::Pending
            }
        })
        .await
        .unwrap();
    });
}

#[test]
fn a_task_that_panics_ends_alone() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let count = on_worker(async || {
        spawn(async { panic!("on purpose") });
        yield_now().await;
        yield_now().await;
        panics()
    });
    std::panic::set_hook(hook);
    assert_eq!(count, 1);
}

#[test]
fn an_idle_socket_that_its_other_side_ends_is_noticed() {
    on_worker(async || {
        let (a, b) = pair();
        let mut buffer = [0; 1];
        assert_eq!(b.try_read(&mut buffer).unwrap(), None);
        b.release();
        assert!(!b.may_read());
        drop(a);
        let deadline = now() + Duration::from_secs(20);
        while !orphans_had_events() {
            assert!(now() < deadline);
            sleep_until(now() + Duration::from_millis(5)).await;
        }
        assert!(b.may_read() && b.is_gone());
    });
}

#[test]
fn a_panic_after_a_batch_ends_nothing() {
    let seen = on_worker(async || {
        after_batch(Box::new(|| panic!("after the batch")));
        yield_now().await;
        yield_now().await;
        panics()
    });
    assert!(seen >= 1);
}
