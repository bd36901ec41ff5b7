//! Values with variables: `{client_address}`; `{{` and `}}` are braces. And with groups of the route's `path_regex`.

use crate::atom::groups::{self, Dollar, Groups, dollar};
use crate::atom::http::VALUE_LIMIT;
use crate::problem::{Fault, shown};
use crate::suggest;
use evenkeel_model::{Part, Template, Variable};

/// Other programs' words for our variables, for suggestions only.
const ALSO: &[(&str, Variable)] = &[
    ("remote_addr", Variable::ClientAddress),
    ("remote_ip", Variable::ClientAddress),
    ("client_ip", Variable::ClientAddress),
    ("client_addr", Variable::ClientAddress),
    ("remote", Variable::ClientAddress),
    ("src", Variable::ClientAddress),
    ("http_host", Variable::Host),
    ("hostport", Variable::Host),
    ("request_method", Variable::Method),
    ("request_uri", Variable::Path),
    ("uri", Variable::Path),
    ("args", Variable::Query),
    ("query_string", Variable::Query),
    ("protocol", Variable::Scheme),
    ("upstream", Variable::Backend),
    ("server", Variable::Backend),
    ("ssl_protocol", Variable::TlsVersion),
    ("ssl_cipher", Variable::TlsCipher),
    ("ssl_server_name", Variable::TlsServerName),
    ("sni", Variable::TlsServerName),
    ("ssl_client_s_dn", Variable::ClientCertificateSubject),
    ("ssl_client_fingerprint", Variable::ClientCertificateFingerprint),
];

/// A value of a field, with variables. Blanks around it are no part of a value (RFC 9110 5.5).
pub(crate) fn template(text: &str, groups: &Groups) -> Result<Template, Fault> {
    if text.len() > VALUE_LIMIT {
        return Err(Fault::new(format!("a value has at most {VALUE_LIMIT} bytes here")));
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::new("a value has no control characters"));
    }
    if text.trim() != text {
        let help = format!("write \"{}\"", shown(text.trim()));
        return Err(Fault::new("a header field's value has no blanks around it").help(help));
    }
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}', '$']) {
        plain.push_str(&rest[..at]);
        if rest[at..].starts_with('$') {
            let start = text.len() - rest.len() + at;
            rest = group(&rest[at..], start, groups, &mut parts, &mut plain)?;
            continue;
        }
        let (brace, after) = rest[at..].split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            plain.push_str(brace);
            rest = after;
            continue;
        }
        let Some((name, after)) = after.split_once('}').filter(|_| brace == "{") else {
            let fault = Fault::new(format!("`{brace}` stands alone"));
            return Err(fault.help(format!("write `{brace}{brace}` for a brace")));
        };
        push(&mut parts, &mut plain);
        parts.push(Part::Variable(variable(name)?));
        rest = after;
    }
    plain.push_str(rest);
    push(&mut parts, &mut plain);
    Ok(Template { parts })
}

/// What stands at the dollar with which `text` begins, at `start` of the value; what follows it.
fn group<'a>(
    text: &'a str,
    start: usize,
    groups: &Groups,
    parts: &mut Vec<Part>,
    plain: &mut String,
) -> Result<&'a str, Fault> {
    match dollar(text) {
        Dollar::Escaped(rest) => {
            plain.push('$');
            Ok(rest)
        }
        Dollar::Open => Err(groups::open(start)),
        Dollar::Plain => {
            foreign(text)?;
            plain.push('$');
            Ok(&text[1..])
        }
        Dollar::Group(word, length, rest) => {
            let found = groups.find(word).map_err(|fault| {
                let own = foreign(&text[..length]).err();
                own.unwrap_or_else(|| fault.at(start..start + length))
            })?;
            push(parts, plain);
            parts.extend(found.map(Part::Group));
            Ok(rest)
        }
    }
}

fn push(parts: &mut Vec<Part>, plain: &mut String) {
    if !plain.is_empty() {
        parts.push(Part::Text(std::mem::take(plain).into()));
    }
}

fn variable(name: &str) -> Result<Variable, Fault> {
    if let Some(variable) = Variable::of(name) {
        return Ok(variable);
    }
    let names = Variable::ALL.map(Variable::as_str);
    let meant = also(name)
        .map(Variable::as_str)
        .or_else(|| suggest::nearest(name, names));
    let fault = Fault::new(format!("there is no variable `{{{}}}`", shown(name)));
    Err(fault.help(match meant {
        Some(meant) => format!("did you mean `{{{meant}}}`?"),
        None => format!("there are {}; `{{{{` is a brace", names.join(", ")),
    }))
}

fn also(name: &str) -> Option<Variable> {
    let known = |(other, _): &&(&str, Variable)| *other == name;
    ALSO.iter().find(known).map(|(_, variable)| *variable)
}

/// Another program's notation would be sent as it stands, and nobody would notice.
fn foreign(text: &str) -> Result<(), Fault> {
    let word = text.strip_prefix('$').unwrap_or(text);
    let word = word.strip_prefix('{').unwrap_or(word);
    let end = word
        .find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
        .unwrap_or(word.len());
    let name = &word[..end];
    match Variable::of(name).or_else(|| also(name)) {
        Some(variable) => {
            let fault = Fault::new(format!("`${name}` is no variable here"));
            Err(fault.help(format!("write `{{{}}}`", variable.as_str())))
        }
        None => Ok(()),
    }
}
