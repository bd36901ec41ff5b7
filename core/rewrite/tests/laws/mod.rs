//! What must hold for any path whatever. Used by the seeded test here and by the fuzz target.

#![allow(clippy::unwrap_used, unreachable_pub)]

use evenkeel_model::{Match, Part, PathChange, PathPattern, RedirectTo, Route, RouteAction, Template};
use evenkeel_rewrite::Rewrite;
use evenkeel_route::{FieldList, Request, Router};

fn route(change: PathChange) -> Route {
    let matches = Match {
        path: Some(PathPattern::Prefix("/v1/".into())),
        ..Match::default()
    };
    Route {
        path_change: Some(change),
        ..Route::new("r", matches, RouteAction::Pool("p".into()))
    }
}

/// Whether routing reads the path as one under `/v1`.
fn is_routed(path: &[u8]) -> bool {
    let router = Router::new(&[route(PathChange::Exact("/".into()))]).unwrap();
    let request = Request {
        method: b"GET",
        host: b"h",
        path,
        query: None,
        fields: &FieldList(&[]),
        client: [192, 0, 2, 1].into(),
    };
    router.route(&request).is_some()
}

fn segments(path: &[u8]) -> Vec<&[u8]> {
    let mut segments: Vec<&[u8]> = path[1..].split(|byte| *byte == b'/').collect();
    // A slash may stand at the end.
    if segments.last().is_some_and(|last| last.is_empty()) {
        segments.pop();
    }
    segments
}

/// Paths, as the grammar of requests lets them through.
pub fn path(path: &[u8]) {
    if path.first() != Some(&b'/') {
        return;
    }
    let mut stripped = Vec::new();
    let applies = Rewrite::new(&route(PathChange::Strip("/v1".into())))
        .unwrap()
        .path(path, &mut stripped);
    // Routing and rewriting read the same path; where it can be read in two ways, routing refuses it.
    if is_routed(path) {
        assert!(applies, "{}", path.escape_ascii());
    }
    let mut replaced = Vec::new();
    let changes = Rewrite::new(&route(PathChange::Prefix("/base/".into())))
        .unwrap()
        .path(path, &mut replaced);
    assert!(changes && replaced.starts_with(b"/base"));
    grouped(path);
    let outcomes = [(applies, &stripped[..]), (true, &replaced["/base".len()..])];
    for (_, out) in outcomes.iter().filter(|(applies, out)| *applies && !out.is_empty()) {
        assert_eq!(out.first(), Some(&b'/'));
        assert!(out.len() <= path.len());
        for segment in segments(out) {
            let plain = segment
                .to_ascii_lowercase()
                .escape_ascii()
                .to_string()
                .replace("%2e", ".");
            assert!(
                !matches!(plain.as_str(), "" | "." | ".."),
                "{} became {}",
                path.escape_ascii(),
                out.escape_ascii()
            );
        }
    }
    if applies && replaced != b"/base" {
        assert_eq!(stripped, replaced["/base".len()..]);
    }
}

/// Whatever groups match, they neither climb out of where they are put nor name a host.
fn grouped(path: &[u8]) {
    let group = |number| Part::Group(number);
    let text = |text: &str| Part::Text(text.into());
    let template = |parts: Vec<Part>| Template { parts };
    let mut route = route(PathChange::Groups(template(vec![
        text("/"),
        group(1),
        text("/"),
        group(2),
    ])));
    route.matches.path = Some(PathPattern::Regex("/(.*?)[a-z]?([^/]*)".into()));
    let mut out = Vec::new();
    assert!(Rewrite::new(&route).unwrap().path(path, &mut out));
    assert_eq!(out.first(), Some(&b'/'));
    let climbs = |segment: &[u8]| matches!(segment, b"" | b"." | b"..");
    assert!(!segments(&out).into_iter().any(climbs), "{}", path.escape_ascii());
    let to = template(vec![text("/"), group(1), text("/"), group(2)]);
    route.action = RouteAction::Redirect(RedirectTo::Groups(to));
    let mut location = Vec::new();
    Rewrite::new(&route).unwrap().location(path, &mut location);
    assert!(
        location.starts_with(b"/") && !location.starts_with(b"//"),
        "{}",
        location.escape_ascii()
    );
    assert!(
        location
            .iter()
            .all(|byte| byte.is_ascii_graphic() && !b"\\?#".contains(byte))
    );
}
