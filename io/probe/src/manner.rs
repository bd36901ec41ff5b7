//! How a probe speaks to the backends of a pool: as its traffic does.

use crate::talk as talk_bytes;
use evenkeel_check::Conversation;
use evenkeel_http2::{Connection, Read, Settings, StreamId, Write};
use evenkeel_model::Moment;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;

/// Bytes read at a time.
const READ: usize = 16 * 1024;

/// How a probe speaks.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// Agree on keys first, and with whom.
    pub tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// HTTP is version 2: a backend that does not agree to it in the handshake fails.
    pub h2: bool,
}

impl Manner {
    /// Bytes as they are, HTTP/1.
    pub const PLAIN: Manner = Manner { tls: None, h2: false };
}

/// Holds `conversation` in this manner.
pub(crate) async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    conversation: &mut Conversation,
    backend_closed: &mut bool,
    manner: &Manner,
) -> io::Result<evenkeel_check::Verdict> {
    let wants = match conversation {
        Conversation::Tcp(_) => Wants::Nothing,
        Conversation::Http(_) => Wants::Text,
        Conversation::Grpc(_) => Wants::Frames,
    };
    let tls = match (wants, manner.tls.as_ref()) {
        (Wants::Nothing, _) | (_, None) => None,
        (Wants::Text, Some((config, name))) => Some((config.clone(), name)),
        (Wants::Frames, Some((config, name))) => Some((for_h2(config), name)),
    };
    let Some((config, name)) = tls else {
        return match manner.h2 && wants == Wants::Text {
            true => talk_h2(stream, conversation).await,
            false => talk_bytes(stream, conversation, backend_closed).await,
        };
    };
    let mut stream = TlsConnector::from(config).connect(name.clone(), stream).await?;
    let agreed = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if manner.h2 && !agreed {
        // Traffic would not be taken either.
        let problem = "the backend offers no HTTP/2 (ALPN)";
        return Err(io::Error::new(ErrorKind::InvalidData, problem));
    }
    match agreed && wants == Wants::Text {
        true => talk_h2(&mut stream, conversation).await,
        false => talk_bytes(&mut stream, conversation, backend_closed).await,
    }
}

/// What a conversation wants of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    /// Only that it stands.
    Nothing,
    /// That it carries HTTP/1.1 text, whatever the version on the wire.
    Text,
    /// That its bytes are taken as they are: it speaks HTTP/2 itself.
    Frames,
}

/// The same keys, and nothing but HTTP/2, whatever version the pool's traffic has.
fn for_h2(config: &ClientConfig) -> Arc<ClientConfig> {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// What is said in HTTP/1.1 goes over a stream of HTTP/2, and so does what is answered.
async fn talk_h2<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    conversation: &mut Conversation,
) -> io::Result<evenkeel_check::Verdict> {
    let mut connection = Connection::client(&Settings::default(), Moment::ZERO);
    let id = connection.open().ok_or(ErrorKind::ConnectionRefused)?;
    conversation.connected();
    let mut buffer = vec![0; READ];
    loop {
        listen(&mut connection, id, conversation, &mut buffer);
        if let Some(verdict) = conversation.verdict() {
            return Ok(verdict);
        }
        // A request without a body fits any window.
        while let Some(bytes) = conversation.poll_transmit() {
            if connection.write(id, &bytes) != Write::Took(bytes.len()) {
                return Err(ErrorKind::BrokenPipe.into());
            }
        }
        let count = connection.output().len();
        stream.write_all(connection.output()).await?;
        connection.sent(count);
        match stream.read(&mut buffer).await? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            length => {
                let taken = connection.receive(&buffer[..length], Moment::ZERO);
                taken.map_err(|closed| io::Error::new(ErrorKind::InvalidData, closed.why))?;
            }
        }
    }
}

/// Tells the conversation what has come.
fn listen(connection: &mut Connection, id: StreamId, conversation: &mut Conversation, buffer: &mut [u8]) {
    loop {
        match connection.read(id, buffer) {
            Read::Bytes(count) => conversation.handle(&buffer[..count]),
            Read::Nothing => return,
            Read::End | Read::Broken(_) => return conversation.handle_eof(),
        }
    }
}
