use crate::parse;
use evenkeel_model::{RedirectTo, RouteAction};
use std::path::Path;

/// Where the redirect of a listener leads beside others.
fn port_beside(others: &str) -> Option<u16> {
    let text = format!(
        "listener.plain = {{ bind = ':8080', redirect = 'https' }}\npool.p = {{ backends = ['10.0.0.1:80'] }}\n{others}"
    );
    let config = parse(&text, Path::new("/")).unwrap();
    let plain = config
        .listeners
        .iter()
        .find(|listener| &*listener.name == "plain")
        .unwrap();
    match &plain.routes[0].action {
        RouteAction::Redirect(RedirectTo::Https { port }) => *port,
        other => panic!("{other:?}"),
    }
}

#[test]
fn https_is_where_listeners_have_it() {
    let with = |name: &str, bind: &str| {
        format!("listener.{name} = {{ bind = {bind}, pool = 'p', tls = {{ certificates = 'c.pem' }} }}\n")
    };
    assert_eq!(port_beside(""), None);
    assert_eq!(port_beside("listener.other = { bind = ':8443', pool = 'p' }"), None);
    assert_eq!(port_beside(&with("a", "':443'")), None);
    assert_eq!(port_beside(&with("a", "':0'")), None);
    assert_eq!(port_beside(&with("a", "'unix:a.sock'")), None);
    assert_eq!(port_beside(&with("a", "':8443'")), Some(8443));
    assert_eq!(
        port_beside(&with("a", "['10.0.0.1:8443', '[::1]:8443', 'unix:a.sock']")),
        Some(8443)
    );
    assert_eq!(
        port_beside(&format!("{}{}", with("a", "':8443'"), with("b", "':443'"))),
        None
    );
    assert_eq!(
        port_beside(&format!("{}{}", with("a", "':8443'"), with("b", "':9443'"))),
        None
    );
}
