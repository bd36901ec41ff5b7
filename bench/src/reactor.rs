//! A thin layer over epoll: edge-triggered registration once, nanosecond timeouts, non-blocking sockets.
//!
//! Edge-triggered with both directions registered once means no `epoll_ctl` after the first, so what is measured is
//! the traffic and not the bookkeeping. Who uses it must read until a short read (or end) and write until it is done
//! or would block.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{Timespec, epoll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

/// Events taken from the kernel by one wait: enough for a batch of every scenario's busy connections.
const EVENTS_PER_WAIT: usize = 1024;

/// Connections waiting to be accepted by a listener of ours; the kernel cuts it to `net.core.somaxconn`.
const BACKLOG_CONNECTIONS: i32 = 4096;

/// Who became ready, and for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) token: usize,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The other side has sent its last byte or the socket failed: a read must go on until it says so.
    pub(crate) ended: bool,
}

/// One epoll instance and the space its answers go to.
pub(crate) struct Reactor {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Reactor {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self {
            epoll,
            events: Vec::with_capacity(EVENTS_PER_WAIT),
        })
    }

    /// Registers a stream, edge-triggered, for both directions; closing the socket ends the registration.
    pub(crate) fn register(&self, stream: &TcpStream, token: usize) -> io::Result<()> {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP | epoll::EventFlags::ET;
        Ok(epoll::add(
            &self.epoll,
            stream,
            epoll::EventData::new_u64(token as u64),
            flags,
        )?)
    }

    /// Registers a listener, level-triggered, so that an accept loop may stop whenever it likes.
    pub(crate) fn register_listener(&self, listener: &TcpListener, token: usize) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            listener,
            epoll::EventData::new_u64(token as u64),
            epoll::EventFlags::IN,
        )?)
    }

    /// Waits until something is ready or `timeout` has passed (none: for ever) and fills `ready`.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        self.events.clear();
        let timeout = timeout.map(|limit| Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(limit.subsec_nanos()),
        });
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.events),
            timeout.as_ref(),
        ) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let failed = epoll::EventFlags::ERR | epoll::EventFlags::HUP;
        let ended = failed | epoll::EventFlags::RDHUP;
        ready.extend(self.events.iter().map(|event| {
            let flags = event.flags;
            Ready {
                token: usize::try_from(event.data.u64()).unwrap_or(usize::MAX),
                readable: flags.intersects(ended | epoll::EventFlags::IN),
                writable: flags.intersects(failed | epoll::EventFlags::OUT),
                ended: flags.intersects(ended),
            }
        }));
        Ok(())
    }
}

/// Opens a listener on `address` (port 0: any) with a long backlog.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family(address), SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG_CONNECTIONS)?;
    Ok(TcpListener::from(socket))
}

/// Accepts one connection, non-blocking and without Nagle's delay; nothing when none waits.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    match rustix::net::accept_with(listener.as_fd(), SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
        Ok(socket) => {
            let stream = TcpStream::from(socket);
            stream.set_nodelay(true)?;
            Ok(Some(stream))
        }
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::CONNABORTED | rustix::io::Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Begins a connection; it is up when the stream becomes writable and `take_error` says nothing.
pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family(address), SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Lets waits end when asked and not up to 50 microseconds later: the schedule of an open loop depends on it.
pub(crate) fn sharpen_timers() -> io::Result<()> {
    Ok(rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1))?)
}

/// Has this process end with the one that started it, so that an interrupted run leaves nothing behind.
pub(crate) fn end_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(
        rustix::process::Signal::TERM,
    ))?)
}

fn family(address: SocketAddr) -> AddressFamily {
    match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    }
}
