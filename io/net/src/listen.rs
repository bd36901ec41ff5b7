//! Listening sockets: bound by the control plane, one for each worker, used by the worker.

use crate::reactor;
use crate::socket::Stream;
use evenkeel_model::BindAddress;
use socket2::{Domain, Protocol, SockAddr, Type};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::task::Poll;

/// Connections that the kernel holds for us until we accept them; the kernel lowers it to net.core.somaxconn.
const BACKLOG: i32 = 4096;

/// A bound socket that listens, on its way to a worker.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Binds one socket for each of `workers`, all to the same address (SO_REUSEPORT); a unix socket is shared instead.
///
/// # Errors
/// As bind(2) and listen(2).
pub fn bind(address: &BindAddress, workers: usize) -> io::Result<Vec<Bound>> {
    match address {
        BindAddress::Unix(path) => bind_unix(path, workers),
        BindAddress::Tcp { address, every_address } => {
            let mut wanted = possible(*address, *every_address);
            let mut bound = Vec::with_capacity(workers);
            for _ in 0..workers {
                let listener = bind_tcp(wanted, *every_address)?;
                // Port 0: the kernel chose for the first, the others follow.
                wanted = listener.local_addr()?;
                bound.push(Bound::Tcp(listener));
            }
            Ok(bound)
        }
    }
}

/// Whether nobody listens there.
///
/// # Errors
/// `AddrInUse` when somebody does, even one who would share the address; otherwise as bind(2).
pub fn is_free(address: &BindAddress) -> io::Result<()> {
    match address {
        BindAddress::Unix(_) => Ok(()),
        BindAddress::Tcp { address, every_address } => {
            let wanted = possible(*address, *every_address);
            let socket = tcp_socket(wanted, *every_address)?;
            socket.bind(&SockAddr::from(wanted))
        }
    }
}

/// Every address means all of IPv4's where the machine has no IPv6.
fn possible(address: SocketAddr, every_address: bool) -> SocketAddr {
    if every_address && !has_ipv6() {
        return SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port());
    }
    address
}

fn has_ipv6() -> bool {
    socket2::Socket::new(Domain::IPV6, Type::STREAM, None).is_ok()
}

fn bind_tcp(address: SocketAddr, every_address: bool) -> io::Result<TcpListener> {
    let socket = tcp_socket(address, every_address)?;
    socket.set_reuse_port(true)?;
    // Accepted connections inherit it: one system call less for each.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Ready to be bound, also where connections of an earlier process still fade away.
fn tcp_socket(address: SocketAddr, every_address: bool) -> io::Result<socket2::Socket> {
    let kind = Type::STREAM.nonblocking();
    let socket = socket2::Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!every_address)?;
    }
    socket.set_reuse_address(true)?;
    Ok(socket)
}

fn bind_unix(path: &Path, workers: usize) -> io::Result<Vec<Bound>> {
    // A socket file that nobody answers on is what an earlier process left behind.
    if path.exists() && UnixStream::connect(path).is_err() {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    let mut bound = Vec::with_capacity(workers);
    for _ in 1..workers {
        bound.push(Bound::Unix(listener.try_clone()?));
    }
    bound.push(Bound::Unix(listener));
    Ok(bound)
}

/// A listening socket on its worker.
#[derive(Debug)]
pub struct Listening {
    inner: Inner,
    key: u32,
}

#[derive(Debug)]
enum Inner {
    Tcp(mio::net::TcpListener),
    Unix(mio::net::UnixListener),
}

/// What accepting gave.
#[derive(Debug)]
pub enum Accepted {
    /// A connection, and its client's address (`None`: a unix socket).
    Client(Stream, Option<SocketAddr>),
    /// No descriptor or memory was left; the client still waits in the queue.
    Exhausted(io::Error),
    /// The client had left before it was accepted, or the network refused it.
    Lost,
}

impl Listening {
    /// Takes a bound socket into this worker; the task that runs owns it.
    ///
    /// # Errors
    /// When the kernel refuses to watch it.
    pub fn new(bound: Bound) -> io::Result<Listening> {
        let (inner, key) = match bound {
            Bound::Tcp(listener) => {
                let mut listener = mio::net::TcpListener::from_std(listener);
                let key = reactor::register(&mut listener)?;
                (Inner::Tcp(listener), key)
            }
            Bound::Unix(listener) => {
                let mut listener = mio::net::UnixListener::from_std(listener);
                let key = reactor::register(&mut listener)?;
                (Inner::Unix(listener), key)
            }
        };
        Ok(Listening { inner, key })
    }

    /// Accepts one connection; pending when none waits.
    pub fn poll_accept(&self) -> Poll<Accepted> {
        if !reactor::cell(self.key, |cell| cell.readable) {
            return Poll::Pending;
        }
        let accepted = match &self.inner {
            Inner::Tcp(listener) => listener
                .accept()
                .map(|(stream, address)| (Stream::Tcp(stream), Some(address))),
            Inner::Unix(listener) => listener.accept().map(|(stream, _)| (Stream::Unix(stream), None)),
        };
        match accepted {
            Ok((stream, address)) => Poll::Ready(Accepted::Client(stream, address)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                reactor::cell(self.key, |cell| cell.readable = false);
                Poll::Pending
            }
            Err(error) if is_exhaustion(&error) => Poll::Ready(Accepted::Exhausted(error)),
            // accept(2): what else it returns is an error of the connection that was to be accepted.
            Err(_) => Poll::Ready(Accepted::Lost),
        }
    }

    /// Makes the next [`Listening::poll_accept`] ask the kernel, whatever was known: before the socket is closed, which
    /// would reset whoever waits in its queue.
    pub fn look_again(&self) {
        reactor::cell(self.key, |cell| cell.readable = true);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        reactor::forget(self.key);
    }
}

/// Whether an error says that this process or machine has no descriptor or memory left.
pub fn is_exhaustion(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    error
        .raw_os_error()
        .is_some_and(|code| exhausted.iter().any(|errno| errno.raw_os_error() == code))
}
