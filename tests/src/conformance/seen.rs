//! What a client and the origin saw of one case.

use crate::corpus::{Afterwards, Case, Check, ClientCheck, Expected, Outcome, Step, Times};
use crate::message::{self, Framing, Read, Response};
use crate::origin::{Record, contains};

/// Everything seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// A step that could not be done.
    pub(super) stuck: Option<String>,
    /// All bytes the client received, the probe's answer left out.
    pub(super) received: Vec<u8>,
    /// The same as responses.
    pub(super) conversation: Conversation,
    /// The balancer closed the client's connection.
    pub(super) ended: bool,
    /// The client's connection served the probe.
    pub(super) stayed_open: bool,
    /// What became of the probe.
    pub(super) probe: Option<Result<(), String>>,
    /// Nothing was left unfinished at the origin.
    pub(super) settled: bool,
    /// What reached the origin.
    pub(super) records: Vec<Record>,
}

/// What a client received, as responses.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// The whole responses.
    pub(super) responses: Vec<Response>,
    /// A last one of which only the beginning came, its head whole.
    pub(super) cut: Option<Response>,
    /// Bytes that the whole responses took.
    pub(super) used: usize,
    /// Why the rest is no response.
    pub(super) broken: Option<String>,
    /// A 101 came: what follows is no HTTP.
    pub(super) tunnel: bool,
}

/// How far an outcome's responses have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Reached,
    Possible,
    Impossible,
}

impl Conversation {
    pub(super) fn of(bytes: &[u8], ended: bool, case: &Case) -> Self {
        let requests = sent_requests(case);
        let mut conversation = Self::default();
        let mut answered = 0;
        while conversation.used < bytes.len() && !conversation.tunnel {
            let to_head = requests.get(answered).is_some_and(|request| request.is_head);
            match message::response(&bytes[conversation.used..], ended, to_head) {
                Read::Whole(response, used) => {
                    conversation.used += used;
                    conversation.tunnel = response.status == 101;
                    answered += usize::from(!response.is_interim());
                    conversation.responses.push(response);
                }
                Read::Part(part) => {
                    conversation.cut = part;
                    break;
                }
                Read::Broken(problem) => {
                    conversation.broken = Some(problem);
                    break;
                }
            }
        }
        conversation
    }

    /// Whether a response with this status has come, its body perhaps not yet.
    pub(super) fn has_status(&self, status: u16) -> bool {
        self.responses
            .iter()
            .chain(&self.cut)
            .any(|response| response.status == status)
    }

    /// Whether no further response to the first request can come.
    pub(super) fn has_final(&self) -> bool {
        self.cut.is_some() || self.broken.is_some() || self.responses.iter().any(|response| !response.is_interim())
    }

    /// The last response, whole or not.
    pub(super) fn last(&self) -> Option<&Response> {
        self.cut.as_ref().or(self.responses.last())
    }

    /// How far `outcome` has come.
    pub(super) fn progress(&self, outcome: &Outcome) -> Progress {
        let mut statuses: Vec<u16> = self.responses.iter().map(|response| response.status).collect();
        if outcome.truncated {
            statuses.extend(self.cut.iter().map(|response| response.status));
        }
        progress(&outcome.responses, &statuses)
    }

    /// Whether some outcome has come true as far as the client's bytes go.
    pub(super) fn satisfies_some(&self, case: &Case, bytes: &[u8]) -> bool {
        case.outcomes.iter().any(|outcome| {
            let must_end = outcome.truncated || outcome.connection == Some(Afterwards::Closed);
            let came = outcome.checks.iter().all(|check| match check {
                Check::Client(ClientCheck::Contains(part)) => contains(bytes, part),
                Check::Client(_) | Check::Backend(_) => true,
            });
            self.progress(outcome) == Progress::Reached && !must_end && came
        })
    }

    /// Whether no outcome can come true any more.
    pub(super) fn is_hopeless(&self, case: &Case) -> bool {
        self.broken.is_some()
            || case
                .outcomes
                .iter()
                .all(|outcome| self.progress(outcome) == Progress::Impossible)
    }

    /// Whether the outcome that has come true, if one has, wants this of the connection.
    pub(super) fn awaits(&self, case: &Case, afterwards: Afterwards) -> bool {
        case.outcomes
            .iter()
            .any(|outcome| outcome.connection == Some(afterwards) && self.progress(outcome) == Progress::Reached)
    }
}

fn progress(expected: &[Expected], statuses: &[u16]) -> Progress {
    let Some((first, others)) = expected.split_first() else {
        return if statuses.is_empty() {
            Progress::Reached
        } else {
            Progress::Impossible
        };
    };
    let taken = statuses
        .split_first()
        .filter(|(status, _)| first.statuses.contains(status));
    let one = |rest: &[Expected]| match (taken, statuses.is_empty()) {
        (Some((_, left)), _) => progress(rest, left),
        (None, true) => Progress::Possible,
        (None, false) => Progress::Impossible,
    };
    match first.times {
        Times::Once => one(others),
        Times::Maybe => better(progress(others, statuses), one(others)),
        Times::Any => better(progress(others, statuses), one(expected)),
    }
}

fn better(one: Progress, other: Progress) -> Progress {
    match (one, other) {
        (Progress::Reached, _) | (_, Progress::Reached) => Progress::Reached,
        (Progress::Possible, _) | (_, Progress::Possible) => Progress::Possible,
        (Progress::Impossible, Progress::Impossible) => Progress::Impossible,
    }
}

/// What matters of a request that the client sent for reading its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) is_head: bool,
    pub(super) is_http10: bool,
}

/// The requests among what the client sends, as far as they are well formed, and the first that is not.
pub(super) fn sent_requests(case: &Case) -> Vec<Sent> {
    let mut bytes = Vec::new();
    for step in &case.steps {
        if let Step::Send(sent) = step {
            bytes.extend_from_slice(sent);
        }
    }
    let mut requests = Vec::new();
    let mut rest = &bytes[..];
    loop {
        while let Some(after) = rest.strip_prefix(b"\r\n") {
            rest = after;
        }
        if rest.is_empty() {
            return requests;
        }
        let line = rest.split(|byte| *byte == b'\r').next().unwrap_or_default();
        requests.push(Sent {
            is_head: line.starts_with(b"HEAD "),
            is_http10: line.ends_with(b" HTTP/1.0"),
        });
        match message::request(rest) {
            Read::Whole(_, used) => rest = &rest[used..],
            Read::Part(_) | Read::Broken(_) => return requests,
        }
    }
}

/// Whether a response's end can be found by a client of HTTP/1.0.
pub(super) fn suits_http10(response: &Response) -> bool {
    !response.is_interim() && response.framing != Framing::Chunked && response.fields.lines("transfer-encoding") == 0
}

#[cfg(test)]
mod tests {
    use super::{Progress, progress};
    use crate::corpus::{Expected, Times};

    #[test]
    fn responses_are_matched_in_order() {
        let expected = |status, times| Expected {
            statuses: vec![status],
            times,
        };
        let list = [
            expected(100, Times::Maybe),
            expected(103, Times::Any),
            expected(200, Times::Once),
        ];
        for (statuses, outcome) in [
            (&[][..], Progress::Possible),
            (&[100], Progress::Possible),
            (&[200], Progress::Reached),
            (&[100, 200], Progress::Reached),
            (&[100, 103, 103, 200], Progress::Reached),
            (&[103, 100], Progress::Impossible),
            (&[100, 100], Progress::Impossible),
            (&[200, 200], Progress::Impossible),
            (&[502], Progress::Impossible),
        ] {
            assert_eq!(progress(&list, statuses), outcome, "{statuses:?}");
        }
        assert_eq!(progress(&[], &[]), Progress::Reached);
    }
}
