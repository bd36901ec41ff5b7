//! Answers with files of a directory.
//!
//! Owns the files that a worker holds open and how they are sent. What a path names, what a client has already and
//! which parts it wants is decided by `evenkeel_content`; that nothing outside the directory is opened is the kernel's
//! promise (openat2(2)).

mod answer;
mod cache;
mod file;
mod open;
mod send;

use crate::client::{Client, Then};
use crate::exchange::Exchange;
use crate::own;
use crate::reason::Reason;
use answer::Answer;
use cache::{Cache, Found, Place, TRUSTED};
use evenkeel_content::{AnswerFacts, Asked, Coding, NoFile, decide, judge, relative};
use evenkeel_http::Method;
use evenkeel_model::{Compress, Encoding, Files, Moment};
use evenkeel_net::reactor;
use file::{File, MADE_BYTES};
use open::{Identity, Unopened};
use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::rc::Rc;

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

/// Among codings that the client likes equally: the smallest first, as files are compressed once, with patience.
const BEST: [Encoding; 3] = [Encoding::Brotli, Encoding::Zstd, Encoding::Gzip];

/// The files of a route, on one worker.
pub(crate) struct FilesSide {
    files: Files,
    /// Files are compressed where no sibling is there.
    compress: Option<Compress>,
    root: RefCell<Option<Rc<Root>>>,
}

/// The directory, as it was found when it was looked at.
struct Root {
    at: Moment,
    directory: OwnedFd,
    identity: Identity,
}

impl FilesSide {
    pub(crate) fn new(files: Files, compress: Option<Compress>) -> FilesSide {
        FilesSide {
            files,
            compress,
            root: RefCell::new(None),
        }
    }

    /// Looked at once a second: what the path leads to may be exchanged as a whole, by a link that is set anew.
    fn root(&self, now: Moment) -> Result<Rc<Root>, Unopened> {
        let mut root = self.root.borrow_mut();
        if let Some(root) = root.as_ref()
            && now.since(root.at) < TRUSTED
        {
            return Ok(root.clone());
        }
        *root = None;
        let (directory, identity) = open::root(&self.files.root)?;
        let opened = Root {
            at: now,
            directory,
            identity,
        };
        Ok(root.insert(Rc::new(opened)).clone())
    }

    fn find(&self, path: &[u8], asked: &Asked<'_>) -> Result<Found, Unopened> {
        let now = reactor::now();
        let root = self.root(now)?;
        let place = Place {
            root: &root.directory,
            identity: &root.identity,
            path,
        };
        let codings: &[Encoding] = if self.files.precompressed { &BEST } else { &[] };
        let accepted = asked.accepted();
        let makes = |file: &File| {
            let compress = self.compress.as_ref().filter(|_| file.length <= MADE_BYTES)?;
            let mut facts = AnswerFacts::new(200, Some(file.length));
            facts.note(b"content-type", file.kind.text.as_bytes());
            match decide(&facts, accepted, compress) {
                Coding::Coded(coding) => Some(coding),
                Coding::Varies | Coding::AsIs => None,
            }
        };
        CACHE.with(|cache| {
            let mut cache = cache.borrow_mut();
            cache.find(&place, accepted.ranked(codings), makes, now)
        })
    }

    /// What is answered to a request for `path` (percent-encoded, without the query).
    fn choose(&self, exchange: &Exchange, path: &[u8]) -> Answer {
        let (head, input) = (&exchange.head, &exchange.input);
        if !matches!(head.kind, Method::Get | Method::Head) {
            return Answer::not_allowed();
        }
        let mut name = Vec::with_capacity(path.len() + self.files.index.len());
        match relative(path, self.files.hidden, &mut name) {
            Ok(()) => {}
            Err(NoFile::Malformed) => return Answer::malformed(),
            Err(NoFile::Hidden) => return Answer::missing(),
        }
        let names_directory = name.is_empty() || name.ends_with(b"/");
        if names_directory {
            if self.files.index.is_empty() {
                return Answer::missing();
            }
            name.extend_from_slice(self.files.index.as_bytes());
        }
        let mut asked = Asked::default();
        for field in &head.fields {
            asked.note(field.name.of(input), field.value.of(input));
        }
        match self.find(&name, &asked) {
            Ok(Found::File(file)) => {
                let varies = (self.files.precompressed || self.compress.is_some()) && !file.kind.packed;
                let head_only = head.kind == Method::Head;
                let verdict = judge(&asked, head_only, &file.validators, file.length, answer::seconds());
                Answer::of(file, varies, verdict)
            }
            Ok(Found::Directory) if names_directory => Answer::missing(),
            Ok(Found::Directory) => Answer::with_slash(head.path.of(input), head.query.map(|query| query.of(input))),
            Err(Unopened::Missing) => Answer::missing(),
            Err(Unopened::Forbidden) => Answer::forbidden(),
            Err(Unopened::Exhausted) => Answer::Error(Reason::Exhausted),
            Err(Unopened::Failed) => Answer::Error(Reason::FileFailed),
        }
    }
}

/// Answers a request with the file that `path` names, which is as the route has changed it.
pub(crate) async fn serve(client: &Client, exchange: &mut Exchange, files: &FilesSide, path: &[u8]) -> (Reason, Then) {
    match files.choose(exchange, path) {
        Answer::File(answer) => send::file(client, exchange, &answer).await,
        Answer::Short(short) => (Reason::Ok, own::short(client, exchange, &short).await),
        Answer::Error(reason) => {
            if reason == Reason::Exhausted {
                client.guest.world.relieve();
            }
            (reason, own::error(client, exchange, reason).await)
        }
    }
}

/// Closes the files that this worker holds open only to save time.
pub(crate) fn give_back() {
    CACHE.with(|cache| cache.borrow_mut().clear());
}
