//! From a corpus file's text to cases.

use super::{
    Afterwards, BackendCheck, Case, Check, ClientCheck, Expected, FieldIs, FramingWord, Listener, Outcome, Step, Times,
};
use crate::notation;
use crate::origin::{Answer, Step as OriginStep, When};

/// What `@ smuggle` sends.
const SMUGGLED: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: example.com\r\n\r\n";

/// Reads the cases of one file.
///
/// # Errors
/// `FILE:LINE: what is wrong`.
pub fn parse(file: &str, text: &str) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    let mut block: Option<Block<'_>> = None;
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(name) = line.strip_prefix("=== ") {
            finish(file, block.take(), &mut cases)?;
            block = Some(Block {
                line: number,
                name,
                lines: Vec::new(),
                rows: Vec::new(),
            });
        } else if line.trim().is_empty() || line.starts_with('#') {
        } else if let Some(block) = &mut block {
            match line.strip_prefix("- ") {
                Some(row) => block.rows.push((number, row)),
                None => block.lines.push((number, line)),
            }
        } else {
            return Err(format!("{file}:{number}: a line before the first case"));
        }
    }
    finish(file, block, &mut cases)?;
    for (at, case) in cases.iter().enumerate() {
        if let Some(twin) = cases[..at].iter().find(|other| other.name == case.name) {
            return Err(format!(
                "{}: the name {:?} is used at {} already",
                case.place, case.name, twin.place
            ));
        }
    }
    Ok(cases)
}

/// The lines of a case, or of a list of cases.
struct Block<'a> {
    line: usize,
    name: &'a str,
    lines: Vec<(usize, &'a str)>,
    rows: Vec<(usize, &'a str)>,
}

fn finish(file: &str, block: Option<Block<'_>>, cases: &mut Vec<Case>) -> Result<(), String> {
    let Some(block) = block else { return Ok(()) };
    if block.rows.is_empty() {
        cases.push(case(file, &block, block.line, None)?);
    }
    for (number, row) in &block.rows {
        let complaint = || format!("{file}:{number}: a row is written `- label :: value`");
        let (label, value) = row.split_once(" ::").ok_or_else(complaint)?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        cases.push(case(file, &block, *number, Some((label, value)))?);
    }
    Ok(())
}

fn case(file: &str, block: &Block<'_>, number: usize, row: Option<(&str, &str)>) -> Result<Case, String> {
    let mut draft = Draft::default();
    let mut used = row.is_none();
    for (number, line) in &block.lines {
        used |= line.contains("{}");
        let line = row.map_or_else(|| (*line).to_owned(), |(_, value)| line.replace("{}", value));
        draft
            .line(&line)
            .map_err(|problem| format!("{file}:{number}: {problem}"))?;
    }
    let name = row.map_or_else(
        || block.name.to_owned(),
        |(label, _)| format!("{}: {label}", block.name),
    );
    let complaint = |problem: &str| Err(format!("{file}:{number}: the case {name:?} {problem}"));
    if !used {
        return complaint("has rows but no {}");
    }
    if draft.rfc.is_empty() {
        return complaint("has no rfc");
    }
    if draft.steps.is_empty() {
        return complaint("sends nothing");
    }
    if draft.outcomes.iter().any(|outcome| *outcome == Outcome::default()) || draft.outcomes.is_empty() {
        return complaint("expects nothing");
    }
    Ok(Case {
        place: format!("{file}:{number}"),
        name,
        rfc: draft.rfc,
        listener: draft.listener.unwrap_or(Listener::Web),
        steps: draft.steps,
        script: draft.script,
        expectation: draft.expectation.join("; "),
        outcomes: draft.outcomes,
    })
}

#[derive(Default)]
struct Draft {
    rfc: String,
    listener: Option<Listener>,
    steps: Vec<Step>,
    script: Vec<Answer>,
    pieces: Option<usize>,
    expectation: Vec<String>,
    outcomes: Vec<Outcome>,
}

impl Draft {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if let Some(text) = line.strip_prefix(">>") {
            self.send(notation::decode(after_space(text))?);
        } else if let Some(text) = line.strip_prefix('>') {
            self.send(with_line_end(after_space(text))?);
        } else if let Some(text) = line.strip_prefix("<<") {
            self.respond(notation::decode(after_space(text))?);
        } else if let Some(text) = line.strip_prefix('<') {
            self.respond(with_line_end(after_space(text))?);
        } else if let Some(text) = line.strip_prefix("@ ") {
            self.client_step(text)?;
        } else if let Some(text) = line.strip_prefix("% ") {
            self.origin_step(text)?;
        } else if line == "or" {
            self.expectation.push("or".into());
            self.outcomes.push(Outcome::default());
        } else {
            let (key, value) = line
                .split_once(':')
                .ok_or_else(|| format!("{line:?} is no line of a case"))?;
            self.setting(key, after_space(value))?;
        }
        Ok(())
    }

    fn send(&mut self, bytes: Vec<u8>) {
        match self.steps.last_mut() {
            Some(Step::Send(sent)) => sent.extend(bytes),
            Some(_) | None => self.steps.push(Step::Send(bytes)),
        }
    }

    fn answer(&mut self) -> &mut Answer {
        if self.script.is_empty() {
            self.script.push(Answer::default());
        }
        let last = self.script.len() - 1;
        &mut self.script[last]
    }

    fn respond(&mut self, bytes: Vec<u8>) {
        let pieces = self.pieces;
        let steps = &mut self.answer().steps;
        match (steps.last_mut(), pieces) {
            (Some(OriginStep::Send(sent) | OriginStep::SendInPieces(sent, _)), _) => sent.extend(bytes),
            (_, Some(size)) => steps.push(OriginStep::SendInPieces(bytes, size)),
            (_, None) => steps.push(OriginStep::Send(bytes)),
        }
    }

    fn client_step(&mut self, text: &str) -> Result<(), String> {
        let step = match text {
            "half-close" => Step::HalfClose,
            "close" => Step::Close,
            "reset" => Step::Reset,
            "smuggle" => {
                self.send(SMUGGLED.to_vec());
                return Ok(());
            }
            other => match (other.strip_prefix("await backend "), other.strip_prefix("await ")) {
                (Some(bytes), _) => Step::AwaitBackend(notation::decode(bytes)?),
                (None, Some(status)) => Step::AwaitStatus(number(status)?),
                (None, None) => return Err(format!("the client cannot {other:?}")),
            },
        };
        self.steps.push(step);
        Ok(())
    }

    fn origin_step(&mut self, text: &str) -> Result<(), String> {
        let step = match text {
            "at head" => {
                self.answer().when = When::Head;
                return Ok(());
            }
            "next" => {
                self.answer();
                self.script.push(Answer::default());
                return Ok(());
            }
            "close" => OriginStep::Close,
            "reset" => OriginStep::Reset,
            "hold" => OriginStep::Hold,
            "echo" => OriginStep::Echo,
            "never again" => OriginStep::NeverAgain,
            other => match (other.strip_prefix("await "), other.strip_prefix("pieces ")) {
                (Some(bytes), _) => OriginStep::Await(notation::decode(bytes)?),
                (None, Some(size)) => {
                    self.pieces = Some(number(size)?);
                    return Ok(());
                }
                (None, None) => return Err(format!("the origin cannot {other:?}")),
            },
        };
        self.answer().steps.push(step);
        Ok(())
    }

    fn setting(&mut self, key: &str, value: &str) -> Result<(), String> {
        if !matches!(key, "rfc" | "why" | "listener") {
            self.expectation.push(format!("{key}: {value}"));
        }
        match key {
            "rfc" => value.clone_into(&mut self.rfc),
            "why" => {}
            "listener" => self.listener = Some(listener(value)?),
            "refused" => {
                let outcome = self.outcome();
                outcome.responses = responses(value)?.responses;
                outcome.connection = Some(Afterwards::Closed);
                let closes = FieldIs {
                    name: "connection".into(),
                    value: b"close".to_vec(),
                };
                outcome.checks.push(Check::Backend(BackendCheck::Nothing));
                outcome.checks.push(Check::Client(ClientCheck::OwnAnswer));
                outcome.checks.push(Check::Client(ClientCheck::Has(closes)));
            }
            "expect" => {
                let expected = responses(value)?;
                let outcome = self.outcome();
                outcome.responses = expected.responses;
                outcome.truncated = expected.truncated;
                outcome.connection = expected.connection;
            }
            other => {
                let check = check(other, value)?;
                self.outcome().checks.push(check);
            }
        }
        Ok(())
    }

    fn outcome(&mut self) -> &mut Outcome {
        if self.outcomes.is_empty() {
            self.outcomes.push(Outcome::default());
        }
        let last = self.outcomes.len() - 1;
        &mut self.outcomes[last]
    }
}

fn after_space(text: &str) -> &str {
    text.strip_prefix(' ').unwrap_or(text)
}

fn with_line_end(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = notation::decode(text)?;
    bytes.extend_from_slice(b"\r\n");
    Ok(bytes)
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number"))
}

fn listener(name: &str) -> Result<Listener, String> {
    match name {
        "web" => Ok(Listener::Web),
        "trusted" => Ok(Listener::Trusted),
        "small" => Ok(Listener::Small),
        "impatient" => Ok(Listener::Impatient),
        other => Err(format!("there is no listener {other:?}")),
    }
}

fn responses(text: &str) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    for word in text.split_whitespace() {
        match word {
            "none" => {}
            "open" => outcome.connection = Some(Afterwards::Open),
            "closed" => outcome.connection = Some(Afterwards::Closed),
            "truncated" => outcome.truncated = true,
            repeated => {
                let (statuses, times) = repeated.split_once('x').unwrap_or((repeated, "1"));
                outcome.responses.extend(vec![expected(statuses)?; number(times)?]);
            }
        }
    }
    if text.trim().is_empty() {
        Err("expects nothing; write `none`".into())
    } else {
        Ok(outcome)
    }
}

fn expected(word: &str) -> Result<Expected, String> {
    let (statuses, times) = match (word.strip_suffix('?'), word.strip_suffix('*')) {
        (Some(statuses), _) => (statuses, Times::Maybe),
        (None, Some(statuses)) => (statuses, Times::Any),
        (None, None) => (word, Times::Once),
    };
    Ok(Expected {
        statuses: statuses.split('/').map(number).collect::<Result<_, _>>()?,
        times,
    })
}

fn check(key: &str, value: &str) -> Result<Check, String> {
    match key.split_once(' ').unwrap_or((key, "")) {
        ("backend", key) => backend_check(key, value).map(Check::Backend),
        ("client", key) => client_check(key, value).map(Check::Client),
        _ => Err(format!("unknown key {key:?}")),
    }
}

fn backend_check(key: &str, value: &str) -> Result<BackendCheck, String> {
    Ok(match key {
        "" => match value {
            "none" => BackendCheck::Nothing,
            "unfinished" => BackendCheck::Unfinished,
            count => BackendCheck::Count(number(count)?),
        },
        "line" => BackendCheck::Line(notation::decode(value)?),
        "field" => BackendCheck::Field(field_is(value)?),
        "has" => BackendCheck::Has(field_is(value)?),
        "lacks field" => BackendCheck::LacksField(field_name(value)?),
        "lacks member" => BackendCheck::LacksMember(field_is(value)?),
        "body" => BackendCheck::Body(notation::decode(value)?),
        "trailer" => BackendCheck::Trailer(field_is(value)?),
        "lacks trailer" => BackendCheck::LacksTrailer(field_name(value)?),
        "contains" => BackendCheck::Contains(notation::decode(value)?),
        "lacks" => BackendCheck::Lacks(notation::decode(value)?),
        other => return Err(format!("nothing is known of a backend's {other:?}")),
    })
}

fn client_check(key: &str, value: &str) -> Result<ClientCheck, String> {
    Ok(match key {
        "field" => ClientCheck::Field(field_is(value)?),
        "has" => ClientCheck::Has(field_is(value)?),
        "lacks field" => ClientCheck::LacksField(field_name(value)?),
        "lacks member" => ClientCheck::LacksMember(field_is(value)?),
        "body" => ClientCheck::Body(notation::decode(value)?),
        "bodies" => ClientCheck::Bodies(
            value
                .split_whitespace()
                .map(notation::decode)
                .collect::<Result<_, _>>()?,
        ),
        "trailer" => ClientCheck::Trailer(field_is(value)?),
        "lacks trailer" => ClientCheck::LacksTrailer(field_name(value)?),
        "framing" => ClientCheck::Framing(framing(value)?),
        "contains" => ClientCheck::Contains(notation::decode(value)?),
        "lacks" => ClientCheck::Lacks(notation::decode(value)?),
        "own answer" => ClientCheck::OwnAnswer,
        other => return Err(format!("nothing is known of a client's {other:?}")),
    })
}

fn field_name(text: &str) -> Result<String, String> {
    let name = notation::decode(text.trim())?;
    Ok(String::from_utf8_lossy(&name).to_ascii_lowercase())
}

fn field_is(text: &str) -> Result<FieldIs, String> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| format!("{text:?} is not NAME: VALUE"))?;
    Ok(FieldIs {
        name: field_name(name)?,
        value: notation::decode(after_space(value))?,
    })
}

fn framing(word: &str) -> Result<FramingWord, String> {
    match word {
        "length" => Ok(FramingWord::Length),
        "chunked" => Ok(FramingWord::Chunked),
        "close" => Ok(FramingWord::Close),
        "none" => Ok(FramingWord::None),
        other => Err(format!("a body does not end by {other:?}")),
    }
}
