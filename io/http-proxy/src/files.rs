//! Answers with files of a directory.
//!
//! Owns the files that a worker holds open and how they are sent. What a path names, what a client has already and
//! which parts it wants is decided by `evenkeel_content`; that nothing outside the directory is opened is the kernel's
//! promise (openat2(2)).

mod answer;
mod cache;
mod disk;
#[cfg(test)]
mod double;
mod errand;
mod file;
mod flight;
mod medium;
mod open;
mod root;
mod send;
mod warm;

use crate::client::{Client, Then};
use crate::exchange::Exchange;
use crate::facts;
use crate::own;
use crate::reason::Reason;
use answer::Answer;
use cache::{Cache, Found, Place, Stop, TRUSTED};
use disk::Disk;
use errand::{Brought, Errand, Outcome};
use evenkeel_content::{AnswerFacts, Asked, Coding, NoFile, decide, judge, names_page, relative};
use evenkeel_http::Method;
use evenkeel_model::{Compress, Encoding, Files, Moment};
use evenkeel_net::reactor;
use file::{File, MADE_BYTES};
use flight::{Flights, PATIENCE};
use open::Unopened;
use root::Root;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

/// Among codings that the client likes equally: the smallest first, as files are compressed once, with patience.
const BEST: [Encoding; 3] = [Encoding::Brotli, Encoding::Zstd, Encoding::Gzip];
/// Errands that one request may cause: the directory, the file with its siblings, and one of these in a coding. More are
/// only needed when files change meanwhile, or when others push out of the cache what one has brought.
const ERRANDS: usize = 16;

/// The files of a route, on one worker.
pub(crate) struct FilesSide {
    files: Files,
    /// Files are compressed where no sibling is there.
    compress: Option<Compress>,
    others: Arc<[PathBuf]>,
    root: RefCell<Option<Rc<Root>>>,
    disk: Disk,
    flights: Flights,
}

/// What errands of one request have told that is not remembered: of which path what.
type Told = Vec<(Vec<u8>, Outcome)>;

/// What one request wants, whichever file it gets.
struct Query<'a> {
    asked: &'a Asked<'a>,
    head_only: bool,
    /// When it came.
    since: Moment,
    told: &'a Told,
}

impl FilesSide {
    pub(crate) fn new(files: Files, compress: Option<Compress>) -> FilesSide {
        FilesSide {
            disk: Disk::of(&files.root),
            others: files.links_into.clone().into(),
            files,
            compress,
            root: RefCell::new(None),
            flights: Flights::default(),
        }
    }

    /// Looked at once a second: what the path leads to may be exchanged as a whole, by a link that is set anew.
    fn root(&self, since: Moment, now: Moment) -> Result<Rc<Root>, Stop> {
        let root = self.root.borrow();
        if let Some(root) = root.as_ref() {
            if now.since(root.at.get()) < TRUSTED || root.at.get() >= since {
                return Ok(root.clone());
            }
            if root.is_still_at(&self.files.root) == Ok(true) {
                root.at.set(now);
                return Ok(root.clone());
            }
        }
        let errand = Errand::Root(self.files.root.clone(), self.others.clone());
        Err(Stop::Errand(Box::new(errand)))
    }

    fn find(&self, path: &[u8], query: &Query<'_>) -> Result<Found, Stop> {
        let Query { asked, since, told, .. } = *query;
        let outcome = told.iter().find(|(about, _)| about.is_empty() || about == path);
        match outcome.map(|(_, outcome)| outcome) {
            Some(Outcome::Unopened(unopened)) => return Err(Stop::Unopened(*unopened)),
            Some(Outcome::Directory) => return Ok(Found::Directory),
            Some(Outcome::Again) | None => {}
        }
        let now = reactor::now();
        let root = self.root(since, now)?;
        let place = Place {
            root: &root,
            path,
            since,
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
            cache.find(&place, &accepted.ranked(codings), makes, now)
        })
    }

    /// What an errand has brought is known from now on.
    fn take(&self, brought: Brought) -> Outcome {
        let now = reactor::now();
        match brought {
            Brought::Root(Ok(root)) => {
                root.at.set(now);
                *self.root.borrow_mut() = Some(Rc::new(root));
                Outcome::Again
            }
            Brought::Root(Err(unopened)) => {
                *self.root.borrow_mut() = None;
                Outcome::Unopened(unopened)
            }
            Brought::Seen(seen) => CACHE.with(|cache| cache.borrow_mut().take(seen, now)),
            Brought::Made(made) => CACHE.with(|cache| cache.borrow_mut().take_made(made)),
        }
    }

    /// What is answered to a request for `path`, when all that has to be waited for is here.
    async fn answer(&self, client: &Client, exchange: &Exchange, path: &[u8]) -> Answer {
        let since = reactor::now();
        let mut told = Told::new();
        for _ in 0..ERRANDS {
            let errand = match self.choose(exchange, path, since, &told) {
                Ok(answer) => return answer,
                Err(errand) => errand,
            };
            let about = errand.path().to_vec();
            match Box::pin(flight::run(self, client, errand, since + PATIENCE)).await {
                Ok(Outcome::Again) => {}
                Ok(outcome) => told.push((about, outcome)),
                Err(reason) => return Answer::Error(reason),
            }
        }
        Answer::Error(Reason::DiskBusy)
    }

    /// What is answered to a request for `path` (percent-encoded, without the query).
    fn choose(&self, exchange: &Exchange, path: &[u8], since: Moment, told: &Told) -> Result<Answer, Box<Errand>> {
        let (head, input) = (&exchange.head, &exchange.input);
        let head_only = match head.kind {
            Method::Get => false,
            Method::Head => true,
            Method::Post
            | Method::Put
            | Method::Delete
            | Method::Options
            | Method::Trace
            | Method::Patch
            | Method::Connect
            | Method::Other => return Ok(Answer::not_allowed()),
        };
        let mut asked = Asked::default();
        for field in &head.fields {
            asked.note(field.name.of(input), field.value.of(input));
        }
        let query = Query {
            asked: &asked,
            head_only,
            since,
            told,
        };
        let mut name = Vec::with_capacity(path.len() + self.files.index.len());
        match relative(path, self.files.hidden, &mut name) {
            Ok(()) => {}
            Err(NoFile::Hidden) => return self.instead(false, &query),
            Err(NoFile::Malformed) => return Ok(Answer::malformed()),
        }
        if name.is_empty() || name.ends_with(b"/") {
            if self.files.index.is_empty() {
                return self.instead(names_page(&name), &query);
            }
            name.extend_from_slice(self.files.index.as_bytes());
            return match self.find(&name, &query) {
                Ok(Found::Directory) => self.instead(names_page(&name), &query),
                found => self.answer_with(found, &name, &query),
            };
        }
        let found = self.find(&name, &query);
        if matches!(found, Ok(Found::Directory) | Err(Stop::Unopened(Unopened::Missing)))
            && let Some(file) = self.with_ending(&name, &query)?
        {
            return Ok(self.whole(file, &query));
        }
        match found {
            Ok(Found::Directory) => {
                let query = head.query.map(|query| query.of(input));
                Ok(Answer::with_slash(head.path.of(input), query))
            }
            found => self.answer_with(found, &name, &query),
        }
    }

    fn answer_with(&self, found: Result<Found, Stop>, name: &[u8], query: &Query<'_>) -> Result<Answer, Box<Errand>> {
        match found {
            Ok(Found::File(file)) => Ok(self.whole(file, query)),
            Ok(Found::Directory) | Err(Stop::Unopened(Unopened::Missing)) => self.instead(names_page(name), query),
            Err(Stop::Errand(errand)) => Err(errand),
            Err(Stop::Unopened(Unopened::Forbidden)) => Ok(Answer::forbidden()),
            Err(Stop::Unopened(Unopened::Exhausted)) => Ok(Answer::Error(Reason::Exhausted)),
            Err(Stop::Unopened(Unopened::Failed | Unopened::Cold)) => Ok(Answer::Error(Reason::FileFailed)),
        }
    }

    /// The file that a path names which leaves out the ending of its name.
    fn with_ending(&self, name: &[u8], query: &Query<'_>) -> Result<Option<Rc<File>>, Box<Errand>> {
        for ending in &self.files.endings {
            match self.find(&[name, ending.as_bytes()].concat(), query) {
                Ok(Found::File(file)) => return Ok(Some(file)),
                Err(Stop::Errand(errand)) => return Err(errand),
                Ok(Found::Directory) | Err(Stop::Unopened(_)) => {}
            }
        }
        Ok(None)
    }

    fn whole(&self, file: Rc<File>, query: &Query<'_>) -> Answer {
        let varies = self.varies(&file);
        let now = facts::seconds();
        let verdict = judge(query.asked, query.head_only, &file.validators, file.length, now);
        Answer::of(file, varies, verdict)
    }

    /// Whether another client may get it in another coding.
    fn varies(&self, file: &File) -> bool {
        (self.files.precompressed || self.compress.is_some()) && !file.kind.packed
    }

    /// What is answered in place of a file that is not there.
    fn instead(&self, wants_page: bool, query: &Query<'_>) -> Result<Answer, Box<Errand>> {
        let (fallback, not_found) = (self.files.fallback.as_bytes(), self.files.not_found.as_bytes());
        for (name, is_answer) in [(fallback, true), (not_found, false)] {
            if name.is_empty() || (is_answer && !wants_page) {
                continue;
            }
            match self.find(name, query) {
                Ok(Found::File(file)) if is_answer => return Ok(self.whole(file, query)),
                Ok(Found::File(file)) => {
                    let varies = self.varies(&file);
                    return Ok(Answer::not_found(file, varies));
                }
                Err(Stop::Errand(errand)) => return Err(errand),
                // The page for what is not there is not there either.
                Ok(Found::Directory) | Err(Stop::Unopened(_)) => {}
            }
        }
        Ok(Answer::missing())
    }
}

/// Answers a request with the file that `path` names, which is as the route has changed it.
pub(crate) async fn serve(client: &Client, exchange: &mut Exchange, files: &FilesSide, path: &[u8]) -> (Reason, Then) {
    let answer = files.answer(client, exchange, path).await;
    if answer.is_refusal() {
        // How long a file may be kept is not how long it may be believed to be missing.
        exchange.edits.forget(b"cache-control");
        exchange.edits.forget(b"expires");
    }
    match answer {
        Answer::File(answer) => send::file(client, exchange, &answer, &files.disk).await,
        Answer::Short(short) => (Reason::Ok, own::short(client, exchange, &short).await),
        Answer::Error(reason @ Reason::ClientGone) => {
            exchange.record.status = reason.status();
            (reason, Then::Close)
        }
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

#[cfg(test)]
mod tests;
