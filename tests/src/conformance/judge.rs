//! Whether what was seen is right.

use super::seen::{Conversation, Progress, Seen, sent_requests, suits_http10};
use crate::corpus::{Afterwards, BackendCheck, Case, Check, ClientCheck, FieldIs, FramingWord, Outcome};
use crate::message::{self, Fields, Framing, Read, Request};
use crate::notation;
use crate::origin::{Step as OriginStep, contains};

/// Longest text of an answer that is the balancer's own.
const OWN_ANSWER_BYTES: usize = 1024;
/// What a request that must reach nobody asks for, and what an answer that must reach nobody contains.
const SMUGGLED: &[u8] = b"smuggled";

/// What is wrong with `seen`; nothing, if one outcome of the case holds and no rule for every case is broken.
pub(super) fn judge(case: &Case, seen: &Seen) -> Vec<String> {
    let backend = Backend::of(case, seen);
    let mut problems = always(case, seen, &backend);
    let outcomes: Vec<Vec<String>> = case
        .outcomes
        .iter()
        .map(|outcome| judge_outcome(outcome, seen, &backend))
        .collect();
    if !outcomes.iter().any(Vec::is_empty) {
        for (number, wrong) in outcomes.into_iter().enumerate() {
            let mark = if number == 0 { "" } else { "or: " };
            problems.extend(wrong.into_iter().map(|problem| format!("{mark}{problem}")));
        }
    }
    problems
}

/// What reached the origin, as requests.
#[derive(Default)]
struct Backend {
    /// The whole requests, those of one connection in order.
    whole: Vec<Request>,
    /// Requests of which only the beginning came, their heads whole.
    parts: Vec<Request>,
    /// Bytes that are no beginning of a request.
    broken: Vec<String>,
    /// Connections with a part of a request, even of a head, that are still open.
    unfinished_and_open: usize,
}

impl Backend {
    fn of(case: &Case, seen: &Seen) -> Self {
        let tunnels = case
            .script
            .iter()
            .any(|answer| answer.steps.contains(&OriginStep::Echo));
        let mut backend = Self::default();
        for record in &seen.records {
            let mut rest = &record.bytes[..];
            while !rest.is_empty() {
                match message::request(rest) {
                    Read::Whole(request, used) => {
                        rest = if tunnels { &[] } else { &rest[used..] };
                        backend.whole.push(request);
                    }
                    Read::Part(part) => {
                        backend.parts.extend(part);
                        backend.unfinished_and_open += usize::from(!record.ended);
                        break;
                    }
                    Read::Broken(problem) => {
                        backend.broken.push(problem);
                        break;
                    }
                }
            }
        }
        backend
    }

    /// The last request, whole ones first.
    fn last(&self) -> Option<&Request> {
        self.parts.last().or(self.whole.last())
    }
}

/// Rules that hold in every case.
fn always(case: &Case, seen: &Seen, backend: &Backend) -> Vec<String> {
    let mut problems: Vec<String> = seen.stuck.iter().cloned().collect();
    let mut rule = |holds: bool, problem: &str| {
        if !holds {
            problems.push(problem.to_owned());
        }
    };
    rule(
        !contains(&seen.received, SMUGGLED),
        "the client received what must reach nobody",
    );
    let smuggled = seen.records.iter().any(|record| contains(&record.bytes, SMUGGLED));
    rule(!smuggled, "the backend received a request that must reach nobody");
    rule(
        !seen.records.iter().any(|record| record.reused),
        "a backend connection was used again that must not be",
    );
    rule(
        seen.settled,
        "a request was left unfinished at the backend on an open connection",
    );
    for request in backend.whole.iter().chain(&backend.parts) {
        rule(
            request.fields.lines("host") == 1,
            "the backend received a request without exactly one Host",
        );
        let versions = [&b" HTTP/1.1"[..], b" HTTP/1.0"];
        let words = request.line.split(|byte| *byte == b' ').count();
        let clean = words == 3 && !request.line.iter().any(|byte| *byte < 0x20 || *byte == 0x7f);
        let known = versions.iter().any(|version| request.line.ends_with(version));
        rule(clean && known, "the backend received a malformed request line");
    }
    let requests = sent_requests(case);
    let mut answered = 0;
    for response in &seen.conversation.responses {
        let http10 = requests.get(answered).is_some_and(|request| request.is_http10);
        rule(
            !http10 || suits_http10(response),
            "an HTTP/1.0 client got a 1xx or a transfer-encoding",
        );
        answered += usize::from(!response.is_interim());
    }
    problems.extend(
        backend
            .broken
            .iter()
            .map(|problem| format!("the backend received a malformed request: {problem}")),
    );
    let broken = seen.conversation.broken.iter();
    problems.extend(broken.map(|problem| format!("the client received a malformed response: {problem}")));
    if let Some(Err(problem)) = &seen.probe {
        problems.push(format!(
            "the probe after the case was not answered as it should be: {problem}"
        ));
    }
    problems
}

fn judge_outcome(outcome: &Outcome, seen: &Seen, backend: &Backend) -> Vec<String> {
    let mut problems = Vec::new();
    let conversation = &seen.conversation;
    if conversation.progress(outcome) != Progress::Reached {
        let statuses: Vec<u16> = conversation.responses.iter().map(|response| response.status).collect();
        problems.push(format!("the responses are {statuses:?}"));
    }
    match (outcome.truncated, &conversation.cut) {
        (true, None) => problems.push("the last response looks whole".into()),
        (false, Some(cut)) => problems.push(format!("a response {} is not whole", cut.status)),
        (true, Some(_)) | (false, None) => {}
    }
    let part_of_head = conversation.cut.is_none() && conversation.broken.is_none() && !conversation.tunnel;
    if part_of_head && conversation.used < seen.received.len() {
        problems.push("bytes follow the last response".into());
    }
    match outcome.connection {
        Some(Afterwards::Closed) if !seen.ended => problems.push("the connection was not closed".into()),
        Some(Afterwards::Open) if !seen.stayed_open => problems.push("the connection did not stay usable".into()),
        Some(Afterwards::Closed | Afterwards::Open) | None => {}
    }
    problems.extend(
        outcome
            .checks
            .iter()
            .filter_map(|check| judge_check(check, seen, backend).err()),
    );
    problems
}

fn judge_check(check: &Check, seen: &Seen, backend: &Backend) -> Result<(), String> {
    match check {
        Check::Backend(check) => judge_backend(check, seen, backend),
        Check::Client(check) => judge_client(check, seen),
    }
}

fn judge_backend(check: &BackendCheck, seen: &Seen, backend: &Backend) -> Result<(), String> {
    let request = || {
        backend
            .last()
            .ok_or_else(|| "no request reached the backend".to_owned())
    };
    let anywhere = |bytes: &[u8]| seen.records.iter().any(|record| contains(&record.bytes, bytes));
    match check {
        BackendCheck::Nothing => demand(seen.records.iter().all(|record| record.bytes.is_empty()), || {
            "bytes reached the backend".into()
        }),
        BackendCheck::Count(count) => {
            let (whole, parts) = (backend.whole.len(), backend.parts.len());
            demand(whole == *count && parts == 0, || {
                format!("{whole} whole and {parts} cut requests at the backend")
            })
        }
        BackendCheck::Unfinished => {
            demand(backend.whole.is_empty(), || {
                "a whole request reached the backend".into()
            })?;
            demand(backend.unfinished_and_open == 0, || {
                "the cut request's backend connection is still open".into()
            })
        }
        BackendCheck::Line(line) => same("the backend's request line", &request()?.line, line),
        BackendCheck::Field(field) => field_is("the backend's", &request()?.fields, field),
        BackendCheck::Has(field) => field_has("the backend's", &request()?.fields, field),
        BackendCheck::LacksField(name) => field_lacks("the backend's", &request()?.fields, name),
        BackendCheck::LacksMember(field) => member_lacks("the backend's", &request()?.fields, field),
        BackendCheck::Body(body) => same("the backend's body", &request()?.body, body),
        BackendCheck::Trailer(field) => field_is("the backend's trailer", &request()?.trailers, field),
        BackendCheck::LacksTrailer(name) => field_lacks("the backend's trailer", &request()?.trailers, name),
        BackendCheck::Contains(bytes) => demand(anywhere(bytes), || format!("the backend lacks {}", show(bytes))),
        BackendCheck::Lacks(bytes) => demand(!anywhere(bytes), || format!("the backend received {}", show(bytes))),
    }
}

fn judge_client(check: &ClientCheck, seen: &Seen) -> Result<(), String> {
    let conversation = &seen.conversation;
    let response = || conversation.last().ok_or_else(|| "no response came".to_owned());
    match check {
        ClientCheck::Field(field) => field_is("the client's", &response()?.fields, field),
        ClientCheck::Has(field) => field_has("the client's", &response()?.fields, field),
        ClientCheck::LacksField(name) => field_lacks("the client's", &response()?.fields, name),
        ClientCheck::LacksMember(field) => member_lacks("the client's", &response()?.fields, field),
        ClientCheck::Body(body) => same("the client's body", &response()?.body, body),
        ClientCheck::Bodies(bodies) => client_bodies(conversation, bodies),
        ClientCheck::Trailer(field) => field_is("the client's trailer", &response()?.trailers, field),
        ClientCheck::LacksTrailer(name) => field_lacks("the client's trailer", &response()?.trailers, name),
        ClientCheck::Framing(word) => {
            let framing = response()?.framing;
            let holds = matches!(
                (word, framing),
                (FramingWord::Length, Framing::Length(_))
                    | (FramingWord::Chunked, Framing::Chunked)
                    | (FramingWord::Close, Framing::UntilClose)
                    | (FramingWord::None, Framing::None)
            );
            demand(holds, || format!("the response's body ends by {framing:?}"))
        }
        ClientCheck::Contains(bytes) => demand(contains(&seen.received, bytes), || {
            format!("the client lacks {}", show(bytes))
        }),
        ClientCheck::Lacks(bytes) => demand(!contains(&seen.received, bytes), || {
            format!("the client received {}", show(bytes))
        }),
        ClientCheck::OwnAnswer => own_answer(conversation),
    }
}

fn client_bodies(conversation: &Conversation, bodies: &[Vec<u8>]) -> Result<(), String> {
    let finals = conversation.responses.iter().filter(|response| !response.is_interim());
    let seen: Vec<&[u8]> = finals.map(|response| &*response.body).collect();
    demand(seen == bodies, || {
        format!(
            "the bodies are {:?}",
            seen.iter().map(|body| show(body)).collect::<Vec<_>>()
        )
    })
}

fn own_answer(conversation: &Conversation) -> Result<(), String> {
    let response = conversation.last().ok_or("no response came")?;
    let length = response.body.len();
    demand(matches!(response.framing, Framing::Length(_)), || {
        "the answer has no content-length".into()
    })?;
    demand((1..=OWN_ANSWER_BYTES).contains(&length), || {
        format!("the answer's text has {length} bytes")
    })?;
    let kind = response.fields.value("content-type").unwrap_or_default();
    demand(kind.starts_with(b"text/plain"), || {
        format!("the answer's content-type is {}", show(&kind))
    })
}

fn demand(holds: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem()) }
}

fn same(what: &str, seen: &[u8], wanted: &[u8]) -> Result<(), String> {
    demand(seen == wanted, || format!("{what} is {}", show(seen)))
}

fn field_is(whose: &str, fields: &Fields, wanted: &FieldIs) -> Result<(), String> {
    let value = fields.value(&wanted.name);
    let holds = match (&value, &wanted.value[..]) {
        (Some(value), b"*") => !value.is_empty(),
        (Some(value), wanted) => value == wanted,
        (None, _) => false,
    };
    let shown = value.as_deref().map_or("missing".to_owned(), show);
    demand(holds, || {
        format!("{whose} {} is {shown}, not {}", wanted.name, show(&wanted.value))
    })
}

fn field_has(whose: &str, fields: &Fields, wanted: &FieldIs) -> Result<(), String> {
    let (members, part) = (fields.members(&wanted.name), lower(&wanted.value));
    demand(members.contains(&part), || {
        format!("{whose} {} has {members:?}, not {part:?}", wanted.name)
    })
}

fn member_lacks(whose: &str, fields: &Fields, wanted: &FieldIs) -> Result<(), String> {
    let (members, part) = (fields.members(&wanted.name), lower(&wanted.value));
    demand(!members.contains(&part), || {
        format!("{whose} {} has {part:?}", wanted.name)
    })
}

fn field_lacks(whose: &str, fields: &Fields, name: &str) -> Result<(), String> {
    let value = fields.value(name).unwrap_or_default();
    demand(fields.lines(name) == 0, || {
        format!("{whose} {name} is there: {}", show(&value))
    })
}

fn lower(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_ascii_lowercase()
}

fn show(bytes: &[u8]) -> String {
    format!("{:?}", notation::encode(bytes, 200))
}
