//! The conversation itself: encrypted bytes in and out, plain bytes in and out. No socket here.

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedConnectionCommon, UnbufferedStatus};
use rustls::{AlertDescription, CommonState, ContentType, Error, HandshakeKind, ProtocolVersion};

/// Bytes of a handshake that are not understood yet: rustls allows messages of 64 KiB, and records have heads.
const PARTIAL_LIMIT: usize = 128 * 1024;

/// Plain bytes in one record (RFC 8446 5.1).
pub(crate) const RECORD_BYTES: usize = 16 * 1024;
/// What a record adds at most: its head, a nonce or the inner type, the tag.
const RECORD_OVERHEAD: usize = 64;
/// The level of an alert that ends the connection (RFC 5246 7.2).
const FATAL: u8 = 2;
/// What a goodbye needs at most.
pub(crate) const GOODBYE_BYTES: usize = RECORD_OVERHEAD * 2;

/// Either end of a connection.
pub(crate) enum Session {
    Server(UnbufferedServerConnection),
    Client(UnbufferedClientConnection),
}

/// What became of a piece of incoming bytes.
pub(crate) struct Step {
    /// So many bytes need not be shown again.
    pub(crate) consumed: usize,
    /// The other side said that it sends nothing more.
    pub(crate) closed: bool,
    pub(crate) result: Result<(), Error>,
}

/// The two ends of rustls have no trait in common.
trait Records {
    type Data;
    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
    /// Whether the next thing that is handed out is a message to send.
    fn has_more_to_send(&self) -> bool;
}

impl Records for UnbufferedConnectionCommon<ServerConnectionData> {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn has_more_to_send(&self) -> bool {
        self.wants_write()
    }
}

impl Records for UnbufferedConnectionCommon<ClientConnectionData> {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, incoming: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(incoming)
    }

    fn has_more_to_send(&self) -> bool {
        self.wants_write()
    }
}

impl Session {
    pub(crate) fn state(&self) -> &CommonState {
        match self {
            Session::Server(connection) => connection,
            Session::Client(connection) => connection,
        }
    }

    pub(crate) fn is_server(&self) -> bool {
        match self {
            Session::Server(_) => true,
            Session::Client(_) => false,
        }
    }

    /// Takes what arrived: plain bytes go to `plain`, answers of the protocol's own to `out`.
    pub(crate) fn take(&mut self, incoming: &mut [u8], out: &mut Vec<u8>, plain: &mut impl FnMut(&[u8])) -> Step {
        match self {
            Session::Server(connection) => {
                let step = take(&mut **connection, incoming, out, plain);
                if let Err(error) = &step.result
                    && speaks_plainly(connection)
                {
                    say_why(error, out);
                }
                step
            }
            Session::Client(connection) => take(&mut **connection, incoming, out, plain),
        }
    }

    /// Encrypts `bytes` into `out`; returns how much of `out` is used. `partial` is what arrived and is not whole.
    pub(crate) fn encrypt(&mut self, bytes: &[u8], out: &mut [u8], partial: &mut [u8]) -> Result<usize, Error> {
        let failed = |error: EncryptError| Error::General(error.to_string());
        match self {
            Session::Server(connection) => match connection.process_tls_records(partial).state? {
                ConnectionState::WriteTraffic(mut traffic) => traffic.encrypt(bytes, out).map_err(failed),
                _ => Err(Error::HandshakeNotComplete),
            },
            Session::Client(connection) => match connection.process_tls_records(partial).state? {
                ConnectionState::WriteTraffic(mut traffic) => traffic.encrypt(bytes, out).map_err(failed),
                _ => Err(Error::HandshakeNotComplete),
            },
        }
    }

    /// Puts the goodbye into `space`, which has at least [`GOODBYE_BYTES`], where one may be said; returns its length.
    pub(crate) fn say_goodbye(&mut self, space: &mut [u8], partial: &mut [u8]) -> usize {
        let length = match self {
            Session::Server(connection) => match connection.process_tls_records(partial).state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => traffic.queue_close_notify(space).ok(),
                Ok(_) | Err(_) => None,
            },
            Session::Client(connection) => match connection.process_tls_records(partial).state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => traffic.queue_close_notify(space).ok(),
                Ok(_) | Err(_) => None,
            },
        };
        length.unwrap_or(0)
    }
}

/// What `length` plain bytes become at most.
pub(crate) fn encrypted_length(length: usize) -> usize {
    length + (length / RECORD_BYTES + 2) * RECORD_OVERHEAD
}

fn take<R: Records>(connection: &mut R, incoming: &mut [u8], out: &mut Vec<u8>, plain: &mut impl FnMut(&[u8])) -> Step {
    let mut step = Step {
        consumed: 0,
        closed: false,
        result: Ok(()),
    };
    // Each turn takes bytes away or hands something out, so it ends.
    loop {
        let status = connection.process(&mut incoming[step.consumed..]);
        let mut discard = status.discard;
        let mut more = true;
        match status.state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(record) = traffic.next_record() {
                    match record {
                        Ok(record) => {
                            plain(record.payload);
                            discard += record.discard;
                        }
                        Err(error) => (step.result, more) = (Err(error), false),
                    }
                }
            }
            Ok(ConnectionState::EncodeTlsData(mut message)) => {
                if let Err(error) = append(out, |space| message.encode(space)) {
                    (step.result, more) = (Err(error), false);
                }
            }
            // It goes out with `out`.
            Ok(ConnectionState::TransmitTlsData(sent)) => sent.done(),
            Ok(ConnectionState::PeerClosed) => step.closed = true,
            Ok(_) => more = false,
            Err(error) => (step.result, more) = (Err(error), false),
        }
        step.consumed += discard;
        if !more {
            break;
        }
    }
    if step.result.is_err() {
        collect_alert(connection, &mut incoming[step.consumed..], out);
    } else if incoming.len() - step.consumed > PARTIAL_LIMIT {
        step.result = Err(Error::PeerSentOversizedRecord);
    }
    step
}

/// After an error there is more to hand out: what was said before it, and last the alert that tells the other side. Nothing that
/// arrived is looked at again: it would fail once more.
fn collect_alert<R: Records>(connection: &mut R, rest: &mut [u8], out: &mut Vec<u8>) {
    // Each turn takes one away.
    while connection.has_more_to_send() {
        let Ok(ConnectionState::EncodeTlsData(mut message)) = connection.process(rest).state else {
            return;
        };
        if append(out, |space| message.encode(space)).is_err() {
            // Without an alert the other side sees only the end: nothing else is lost.
            return;
        }
    }
}

/// Whether what a server says is not encrypted yet.
fn speaks_plainly(state: &CommonState) -> bool {
    match state.protocol_version() {
        None => true,
        // Its last words are the first that are encrypted, but when a session is resumed.
        Some(ProtocolVersion::TLSv1_2) => state.is_handshaking() && state.handshake_kind() == Some(HandshakeKind::Full),
        Some(_) => false,
    }
}

/// Some errors end a connection of rustls without a word, such as messages that are too long or interrupted. The other side
/// is to know why (RFC 8446 6.2).
fn say_why(error: &Error, out: &mut Vec<u8>) {
    let description = match error {
        Error::InvalidMessage(_) => AlertDescription::DecodeError,
        Error::PeerSentOversizedRecord => AlertDescription::RecordOverflow,
        Error::PeerMisbehaved(_) => AlertDescription::UnexpectedMessage,
        _ => return,
    };
    // TLS 1.2 on the outside, as every version says it.
    let head = [u8::from(ContentType::Alert), 3, 3, 0, 2];
    let said = out.len().checked_sub(head.len() + 2).map(|start| &out[start..]);
    if !said.is_some_and(|said| said[0] == head[0] && said[3..5] == head[3..]) {
        out.extend_from_slice(&head);
        out.extend_from_slice(&[FATAL, u8::from(description)]);
    }
}

/// Appends what `encode` writes; it says how much room it needs.
fn append(out: &mut Vec<u8>, mut encode: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>) -> Result<(), Error> {
    let start = out.len();
    let needed = match encode(&mut []) {
        Ok(_) => return Ok(()),
        Err(EncodeError::InsufficientSize(error)) => error.required_size,
        Err(error) => return Err(Error::General(error.to_string())),
    };
    out.resize(start + needed, 0);
    match encode(&mut out[start..]) {
        Ok(written) => {
            out.truncate(start + written);
            Ok(())
        }
        Err(error) => Err(Error::General(error.to_string())),
    }
}
