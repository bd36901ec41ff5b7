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
use evenkeel_content::{Asked, NoFile, Verdict, judge, relative};
use evenkeel_http::Method;
use evenkeel_model::{Encoding, Files, Moment};
use evenkeel_net::reactor;
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
    root: RefCell<Option<Rc<Root>>>,
}

/// The directory, as it was found when it was looked at.
struct Root {
    at: Moment,
    directory: OwnedFd,
    identity: Identity,
}

impl FilesSide {
    pub(crate) fn new(files: Files) -> FilesSide {
        FilesSide {
            files,
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
        let wanted = asked.accepted().ranked(codings);
        CACHE.with(|cache| cache.borrow_mut().find(&place, wanted, now))
    }

    /// What is answered to a request for `path` (percent-encoded, without the query).
    fn choose(&self, exchange: &Exchange, path: &[u8]) -> Answer {
        let (head, input) = (&exchange.head, &exchange.input);
        if !matches!(head.kind, Method::Get | Method::Head) {
            return Answer::NotAllowed;
        }
        let mut name = Vec::with_capacity(path.len() + self.files.index.len());
        match relative(path, self.files.hidden, &mut name) {
            Ok(()) => {}
            Err(NoFile::Malformed) => return Answer::Malformed,
            Err(NoFile::Hidden) => return Answer::Missing,
        }
        if name.is_empty() || name.ends_with(b"/") {
            if self.files.index.is_empty() {
                return Answer::Missing;
            }
            name.extend_from_slice(self.files.index.as_bytes());
        }
        let mut asked = Asked::default();
        for field in &head.fields {
            asked.note(field.name.of(input), field.value.of(input));
        }
        match self.find(&name, &asked) {
            Ok(Found::File(file)) => {
                let head_only = head.kind == Method::Head;
                let (length, now) = (file.stamp.length, answer::seconds());
                let varies = self.files.precompressed && !file.kind.packed;
                match judge(&asked, head_only, &file.validators, length, now) {
                    Verdict::Whole => Answer::Whole(file, varies),
                    Verdict::Parts(parts) => Answer::Parts(file, varies, parts),
                    Verdict::NotModified => Answer::NotModified(file, varies),
                    Verdict::PreconditionFailed => Answer::PreconditionFailed,
                    Verdict::Unsatisfiable => Answer::Unsatisfiable(length),
                }
            }
            Ok(Found::Directory) if path.ends_with(b"/") => Answer::Missing,
            Ok(Found::Directory) => Answer::Directory,
            Err(Unopened::Missing) => Answer::Missing,
            Err(Unopened::Forbidden) => Answer::Forbidden,
            Err(Unopened::Exhausted) => Answer::Exhausted,
            Err(Unopened::Failed) => Answer::Failed,
        }
    }
}

/// Answers a request with the file that `path` names, as it is after what the route changes of it.
pub(crate) async fn serve(client: &Client, exchange: &mut Exchange, files: &FilesSide, path: &[u8]) -> (Reason, Then) {
    let answer = files.choose(exchange, path);
    match answer {
        Answer::Whole(file, varies) => send::whole(client, exchange, &file, varies).await,
        Answer::Parts(file, varies, parts) => send::parts(client, exchange, &file, varies, &parts).await,
        Answer::NotModified(file, varies) => send::not_modified(client, exchange, &file, varies).await,
        Answer::Directory => {
            let location = answer::with_slash(exchange);
            let fields: [(&[u8], &[u8]); 1] = [(b"location", &location)];
            (Reason::Ok, own::answer(client, exchange, 308, &fields, "").await)
        }
        Answer::Unsatisfiable(length) => {
            let range = format!("bytes */{length}");
            let fields: [(&[u8], &[u8]); 1] = [(b"content-range", range.as_bytes())];
            let text = "Nothing of what was asked for is there.\n";
            (Reason::Ok, own::answer(client, exchange, 416, &fields, text).await)
        }
        Answer::NotAllowed => {
            let fields: [(&[u8], &[u8]); 1] = [(b"allow", b"GET, HEAD")];
            let text = "Files can only be read.\n";
            (Reason::Ok, own::answer(client, exchange, 405, &fields, text).await)
        }
        Answer::Malformed => plain(client, exchange, 400, "The path was not understood.\n").await,
        Answer::Missing => plain(client, exchange, 404, "There is no such file.\n").await,
        Answer::Forbidden => plain(client, exchange, 403, "This file may not be read.\n").await,
        Answer::PreconditionFailed => plain(client, exchange, 412, "The file is another version.\n").await,
        Answer::Exhausted => {
            give_back();
            client.guest.world.relieve();
            (Reason::Exhausted, own::error(client, exchange, Reason::Exhausted).await)
        }
        Answer::Failed => (
            Reason::FileFailed,
            own::error(client, exchange, Reason::FileFailed).await,
        ),
    }
}

/// Closes the files that this worker holds open only to save time.
pub(crate) fn give_back() {
    CACHE.with(|cache| cache.borrow_mut().clear());
}

async fn plain(client: &Client, exchange: &mut Exchange, status: u16, text: &str) -> (Reason, Then) {
    (Reason::Ok, own::answer(client, exchange, status, &[], text).await)
}
