//! The router against a reference that asks every route in turn, over random routes and requests.

use super::{request, route, value};
use crate::{FieldList, Request, Router};
use evenkeel_model::{HostPattern, Match, PathPattern, Route, ValuePattern};
use std::cmp::Reverse;

/// Numbers of a linear congruential generator (Knuth's MMIX): the same every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const SEGMENTS: [&str; 4] = ["/a", "/b", "/ab", "/a-b"];
const LABELS: [&str; 4] = ["a", "b", "ab", "x"];
const VALUES: [&str; 3] = ["*", "1", "2"];

fn random_host(numbers: &mut Numbers) -> String {
    let labels: Vec<_> = (0..numbers.below(4)).map(|_| numbers.pick(&LABELS)).collect();
    labels.join(".")
}

fn random_path(numbers: &mut Numbers) -> String {
    (0..numbers.below(5)).map(|_| numbers.pick(&SEGMENTS)).collect()
}

fn random_route(numbers: &mut Numbers) -> Route {
    let mut host = random_host(numbers);
    if !host.is_empty() && numbers.below(2) == 0 {
        host = format!("*.{host}");
    }
    let path = random_path(numbers);
    let path = match numbers.below(4) {
        0 => path,
        1 => format!("~{path}(/.*)?"),
        _ => format!("{path}/*"),
    };
    let mut route = route(&format!("{host}{path}"));
    let conditions = |numbers: &mut Numbers| match numbers.below(5) {
        0 => vec![(numbers.pick(&LABELS).into(), value(numbers.pick(&VALUES)))],
        _ => Vec::new(),
    };
    route.matches.headers = conditions(numbers);
    route.matches.query = conditions(numbers);
    route.matches.cookies = conditions(numbers);
    if numbers.below(5) == 0 {
        route.matches.methods = vec![numbers.pick(&["GET", "POST"]).into()];
    }
    if numbers.below(5) == 0 {
        route.matches.from = vec![numbers.pick(&["192.0.2.0/24", "10.0.0.0/8"]).parse().unwrap()];
    }
    route
}

/// What the crate's documentation says, word for word, for paths that need no normalisation.
fn naive(
    routes: &[Route],
    asked: &Request<'_>,
    pairs: &[(String, String)],
    query: &[(String, String)],
) -> Option<usize> {
    let host = std::str::from_utf8(asked.host).unwrap();
    let path = match std::str::from_utf8(asked.path).unwrap() {
        "" => "/",
        path => path,
    };
    let candidates = (0..routes.len()).filter_map(|index| {
        let matches = &routes[index].matches;
        let host = match &matches.host {
            None => Some((0, 0)),
            Some(HostPattern::Exact(wanted)) => (**wanted == *host).then_some((2, 0)),
            Some(HostPattern::Suffix(suffix)) => host.ends_with(&**suffix).then_some((1, suffix.len())),
        };
        let path = match &matches.path {
            None => Some((0, 0)),
            Some(PathPattern::Exact(wanted)) => (**wanted == *path).then_some((3, 0)),
            Some(PathPattern::Regex(regex)) => {
                let start = regex.strip_suffix("(/.*)?").unwrap();
                under(path, start).then_some((2, 0))
            }
            Some(PathPattern::Prefix(prefix)) if &**prefix == "/" => Some((0, 0)),
            Some(PathPattern::Prefix(prefix)) => under(path, prefix.trim_end_matches('/')).then_some((1, prefix.len())),
        };
        let count = others(matches, asked, pairs, query);
        Some(((host?, path?, count?, Reverse(index)), index))
    });
    candidates.max().map(|(_, index)| index)
}

fn under(path: &str, start: &str) -> bool {
    path == start || path.starts_with(&format!("{start}/"))
}

/// The number of further conditions if all hold.
fn others(
    matches: &Match,
    asked: &Request<'_>,
    pairs: &[(String, String)],
    query: &[(String, String)],
) -> Option<usize> {
    let has = |pairs: &[(String, String)], name: &str, pattern: &ValuePattern| {
        pairs.iter().any(|(key, found)| {
            key == name
                && match pattern {
                    ValuePattern::Present => true,
                    ValuePattern::Exact(wanted) => **wanted == **found,
                }
        })
    };
    let methods = matches.methods.is_empty() || matches.methods.iter().any(|method| method.as_bytes() == asked.method);
    let from = matches.from.is_empty() || matches.from.iter().any(|network| network.contains(&asked.client));
    let headers = matches.headers.iter().all(|(name, pattern)| has(pairs, name, pattern));
    let cookies = matches.cookies.iter().all(|(name, pattern)| has(pairs, name, pattern));
    let queries = matches.query.iter().all(|(name, pattern)| has(query, name, pattern));
    let lists = [matches.headers.len(), matches.cookies.len(), matches.query.len()];
    let flags = [!matches.methods.is_empty(), !matches.from.is_empty()];
    (methods && from && headers && cookies && queries)
        .then(|| lists.iter().sum::<usize>() + flags.iter().filter(|flag| **flag).count())
}

fn random_pairs(numbers: &mut Numbers) -> Vec<(String, String)> {
    (0..numbers.below(4))
        .map(|_| {
            (
                numbers.pick(&LABELS).to_owned(),
                numbers.pick(&["1", "2", "3"]).to_owned(),
            )
        })
        .collect()
}

fn joined(pairs: &[(String, String)], separator: &str) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(separator)
}

/// The same path, written so that it must be normalised first.
fn respelled(path: &str, numbers: &mut Numbers) -> String {
    let mut result = String::new();
    for character in path.chars() {
        match (character, numbers.below(6)) {
            ('/', 0) => result.push_str("/./"),
            ('/', 1) => result.push_str("//"),
            ('/', 2) => result.push_str("/zz/../"),
            (other, 0) if other != '/' => result.push_str(&format!("%{:02x}", u32::from(other))),
            (other, _) => result.push(other),
        }
    }
    result
}

#[test]
fn agrees_with_the_reference() {
    let mut numbers = Numbers(7);
    let (mut found, mut missed) = (0, 0);
    for set in 0..400 {
        let size = 1 + numbers.below(24);
        let routes: Vec<Route> = (0..size).map(|_| random_route(&mut numbers)).collect();
        let router = Router::new(&routes).unwrap();
        for _ in 0..100 {
            let url = format!("{}{}", random_host(&mut numbers), random_path(&mut numbers));
            let (pairs, query) = (random_pairs(&mut numbers), random_pairs(&mut numbers));
            let (cookies, query_text) = (joined(&pairs, "; "), joined(&query, "&"));
            let mut fields: Vec<(&[u8], &[u8])> = pairs
                .iter()
                .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
                .collect();
            fields.push((b"Cookie", cookies.as_bytes()));
            let asked = Request {
                method: numbers.pick(&["GET", "POST", "PUT"]).as_bytes(),
                query: Some(query_text.as_bytes()),
                fields: &FieldList(&fields),
                client: if numbers.below(2) == 0 {
                    [10, 0, 0, 1].into()
                } else {
                    [192, 0, 2, 1].into()
                },
                ..request(&url)
            };
            let expected = naive(&routes, &asked, &pairs, &query);
            assert_eq!(router.route(&asked), expected, "set {set}, {url}?{query_text}");
            assert_eq!(router.explain(&asked).route, expected, "set {set}, {url}");
            let path = respelled(std::str::from_utf8(asked.path).unwrap(), &mut numbers);
            let respelled = Request {
                path: path.as_bytes(),
                ..asked
            };
            assert_eq!(router.route(&respelled), expected, "set {set}, {url} as {path}");
            *(if expected.is_some() { &mut found } else { &mut missed }) += 1;
        }
    }
    assert!(found > 10_000 && missed > 1_000, "found {found}, missed {missed}");
}
