//! Paths, hosts and fields on their way.

use crate::site::{Outcome, Site, target, value};
use evenkeel_tests::origin::{Answer, Step};

#[test]
fn a_prefix_is_stripped_and_the_query_stays() -> Outcome {
    let routes = "
        [[listener.web.route]]
        path = '/api/*'
        pool = 'a'
        strip_prefix = '/api'
        [[listener.web.route]]
        path = '/v1/*'
        pool = 'a'
        rewrite_path = '/v2/*'
        [[listener.web.route]]
        path = '/old'
        pool = 'a'
        rewrite_path = '/new'
        [[listener.web.route]]
        pool = 'a'
    ";
    let site = Site::start(&["a"], routes, "")?;
    for (from, to) in [
        ("/api/x/y?q=/api", "/x/y?q=/api"),
        ("/api?q", "/?q"),
        ("/api/", "/"),
        ("/api/%2e%2e/api/a%20b", "/a%20b"),
        ("/apis", "/apis"),
        ("/v1", "/v2"),
        ("/v1/a/../b/?", "/v2/b/?"),
        ("/old?a=b", "/new?a=b"),
        ("/other", "/other"),
    ] {
        site.forget();
        assert_eq!(site.get(from, "")?.status, 200, "{from}");
        assert_eq!(target(&site.only("a")?), to, "{from}");
    }
    Ok(())
}

#[test]
fn groups_of_a_regular_expression_are_put_where_they_belong() -> Outcome {
    let routes = r"
        [[listener.web.route]]
        path_regex = '/users/(?P<user>[^/]+)/(photos|albums)(/.*)?'
        pool = 'a'
        rewrite_path = '/$2/of-${user}$3'
        request_headers = { set = { x-user = '${user} costs $$1' } }
        response_headers = { set = { x-kind = '$2' } }
        [[listener.web.route]]
        path_regex = '/old(/.*)?'
        redirect = 'https://new.example.com/$1?from=$0'
        [[listener.web.route]]
        path_regex = '/here(.*)'
        redirect = '/$1'
    ";
    let site = Site::start(&["a"], routes, "")?;
    for (from, to, user) in [
        ("/users/7/photos/a.jpg?small", "/photos/of-7/a.jpg?small", "7 costs $1"),
        ("/users/a%20b/albums", "/albums/of-a%20b", "a b costs $1"),
        (
            "/users/%2e%2e/x/../../users/7%0d%0ax:y/albums/",
            "/albums/of-7%0D%0Ax:y/",
            "7x:y costs $1",
        ),
    ] {
        site.forget();
        let response = site.get(from, "X_User: root\r\n")?;
        let seen = site.only("a")?;
        assert_eq!((response.status, target(&seen).as_str()), (200, to));
        assert_eq!(
            (value(&seen.fields, "x-user").as_str(), seen.fields.lines("x_user")),
            (user, 0)
        );
        let kind = if to.starts_with("/photos") { "photos" } else { "albums" };
        assert_eq!(value(&response.fields, "x-kind"), kind);
    }
    for (from, to) in [
        ("/old/a%20b?q", "https://new.example.com//a%20b?from=/old/a%20b"),
        ("/old", "https://new.example.com/?from=/old"),
        ("/here//evil.example", "/evil.example"),
        ("/here%5C%2Fevil.example", "/%5C%2Fevil.example"),
    ] {
        let response = site.get(from, "")?;
        assert_eq!(response.status, 302, "{from}");
        assert_eq!(value(&response.fields, "location"), to);
    }
    Ok(())
}

#[test]
fn the_host_is_set_and_the_clients_is_told() -> Outcome {
    let routes = "
        [[listener.web.route]]
        pool = 'a'
        set_host = 'app.internal:81'
    ";
    let site = Site::start(&["a"], routes, "")?;
    for request in [
        "GET / HTTP/1.1\r\nHoSt:  www.example.com\r\n\r\n",
        "GET http://www.example.com/ HTTP/1.1\r\nhost: www.example.com\r\n\r\n",
    ] {
        site.forget();
        assert_eq!(site.ask(request)?.status, 200);
        let seen = site.only("a")?;
        assert_eq!(value(&seen.fields, "host"), "app.internal:81");
        assert_eq!(value(&seen.fields, "x-forwarded-host"), "www.example.com");
        assert_eq!(target(&seen), "/");
    }
    Ok(())
}

const CHANGES: &str = "
    [[listener.web.route]]
    pool = 'a'
    [listener.web.route.request_headers]
    remove = ['x-debug', 'x-forwarded-for']
    [listener.web.route.request_headers.set]
    x-client = '{client_address}'
    x-client-cert = '{client_certificate_subject}'
    x-what = '{method} {scheme}://{host}{path}?{query} {{}}'
    x-backend = '{backend}'
    x-trace = '{request_id}'
    [listener.web.route.request_headers.add]
    x-many = ['one', 'two']
    [listener.web.route.response_headers]
    remove = ['server']
    set = { x-frame-options = 'DENY', x-served-by = '{backend}', x-trace = '{request_id}' }
    add = { set-cookie = 'b=2' }
";

#[test]
fn fields_of_requests_are_changed_and_cannot_be_forged() -> Outcome {
    let site = Site::start(&["a"], CHANGES, "")?;
    let forged = "X-CLIENT: 1.2.3.4\r\nx-Client: 1.2.3.4\r\nX-Client-Cert: CN=root\r\nX-DEBUG: 1\r\nX-Many: zero\r\n\
                  x-request-id: my-id\r\nX_Client: 1.2.3.4\r\nx-client_cert: CN=root\r\nx_debug: 1\r\nX_Forwarded_For: 1\r\n\
                  x_kept: 1\r\n";
    assert_eq!(site.get("/a%20b?c=d", forged)?.status, 200);
    let seen = site.only("a")?.fields;
    assert_eq!(value(&seen, "x-client"), "127.0.0.1");
    assert_eq!(value(&seen, "x-client-cert"), "(absent)");
    assert_eq!(value(&seen, "x-debug"), "(absent)");
    assert_eq!(value(&seen, "x-forwarded-for"), "(absent)");
    assert_eq!(value(&seen, "x-what"), "GET http://www.example.com/a%20b?c=d {}");
    assert_eq!(value(&seen, "x-backend"), site.origins[0].address().to_string());
    assert_eq!(value(&seen, "x-trace"), "my-id");
    assert_eq!(value(&seen, "x-request-id"), "my-id");
    assert_eq!(seen.lines("x-many"), 3);
    // As programs spell it that take `_` and `-` for the same.
    for disguised in ["x_client", "x-client_cert", "x_debug", "x_forwarded_for"] {
        assert_eq!(seen.lines(disguised), 0, "{disguised}");
    }
    assert_eq!(value(&seen, "x_kept"), "1");
    Ok(())
}

#[test]
fn trailers_bring_no_field_back() -> Outcome {
    let site = Site::start(&["a"], CHANGES, "")?;
    let request = "POST / HTTP/1.1\r\nhost: www.example.com\r\ntransfer-encoding: chunked\r\ntrailer: x-client\r\n\r\n\
                   2\r\nhi\r\n0\r\nx-client: forged\r\n\r\n";
    assert_eq!(site.ask(request)?.status, 200);
    let seen = site.only("a")?;
    assert_eq!(seen.body, b"hi");
    assert_eq!(value(&seen.fields, "x-client"), "127.0.0.1");
    assert_eq!((seen.fields.lines("trailer"), seen.trailers.lines("x-client")), (0, 0));
    Ok(())
}

#[test]
fn fields_of_answers_are_changed() -> Outcome {
    let site = Site::start(&["a"], CHANGES, "")?;
    let answer = b"HTTP/1.1 200 OK\r\nSERVER: x/1.0\r\nset-cookie: a=1\r\nx-frame-options: ALLOWALL\r\ncontent-length: 2\r\n\r\nhi";
    site.origins[0].begin(vec![Answer {
        steps: vec![Step::Send(answer.to_vec())],
        ..Answer::default()
    }]);
    let response = site.get("/", "x-request-id: my-id\r\n")?;
    assert_eq!((response.status, &response.body[..]), (200, &b"hi"[..]));
    assert_eq!(value(&response.fields, "server"), "(absent)");
    assert_eq!(value(&response.fields, "x-frame-options"), "DENY");
    assert_eq!(
        value(&response.fields, "x-served-by"),
        site.origins[0].address().to_string()
    );
    assert_eq!(value(&response.fields, "x-trace"), "my-id");
    assert_eq!(response.fields.lines("set-cookie"), 2);
    Ok(())
}

/// The next request of a connection may take a route that changes nothing.
#[test]
fn nothing_is_left_behind_for_the_next_request() -> Outcome {
    let routes = "
        [[listener.web.route]]
        path = '/changed'
        pool = 'a'
        rewrite_path = '/other'
        set_host = 'other'
        request_headers = { set = { a = '1' } }
        response_headers = { set = { b = '2' } }
        [[listener.web.route]]
        pool = 'a'
    ";
    let site = Site::start(&["a"], routes, "")?;
    let mut client = site.connect()?;
    for target in ["/changed", "/plain", "/changed", "/plain"] {
        site.forget();
        client.send(format!("GET {target} HTTP/1.1\r\nhost: h\r\n\r\n").as_bytes())?;
        let response = client.response(crate::site::SOON, false)?;
        let seen = site.only("a")?;
        let is_changed = target == "/changed";
        assert_eq!(response.fields.lines("b"), usize::from(is_changed));
        assert_eq!(seen.fields.lines("a"), usize::from(is_changed));
        assert_eq!(value(&seen.fields, "host"), if is_changed { "other" } else { "h" });
        assert_eq!(crate::site::target(&seen), if is_changed { "/other" } else { "/plain" });
    }
    Ok(())
}

#[test]
fn answers_of_our_own_are_changed_too_and_errors_are_not() -> Outcome {
    let routes = "
        [[listener.web.route]]
        path = '/fixed'
        respond = { status = 200, body = 'fixed' }
        response_headers = { set = { x-a = '{path}', content-type = 'text/html' }, remove = ['date'] }
        [[listener.web.route]]
        path = '/moved'
        redirect = 'https'
        response_headers = { add = { strict-transport-security = 'max-age=1' } }
        [[listener.web.route]]
        path = '/files/*'
        strip_prefix = '/files'
        files = { root = '.', index = '' }
        response_headers = { set = { cache-control = 'max-age=60', etag = '' } }
        [[listener.web.route]]
        path = '/none'
        pool = 'none'
        response_headers = { set = { x-a = '1' } }
        [pool.none]
        backends = ['127.0.0.1:1']
        check = false
    ";
    let site = Site::start(&[], routes, "")?;
    let fixed = site.get("/fixed", "")?;
    assert_eq!((fixed.status, &fixed.body[..]), (200, &b"fixed"[..]));
    assert_eq!(value(&fixed.fields, "x-a"), "/fixed");
    assert_eq!(value(&fixed.fields, "content-type"), "text/html");
    assert_eq!(value(&fixed.fields, "date"), "(absent)");
    let moved = site.get("/moved", "")?;
    assert_eq!(moved.status, 308);
    assert_eq!(value(&moved.fields, "strict-transport-security"), "max-age=1");
    std::fs::write(site.balancer.directory().join("a.txt"), "from a file")?;
    let file = site.get("/files/a.txt", "")?;
    assert_eq!((file.status, &file.body[..]), (200, &b"from a file"[..]));
    assert_eq!(value(&file.fields, "cache-control"), "max-age=60");
    assert_eq!(value(&file.fields, "etag"), "(absent)");
    let none = site.get("/none", "")?;
    assert_eq!(none.status, 502);
    assert_eq!(value(&none.fields, "x-a"), "(absent)");
    Ok(())
}

#[test]
fn explain_tells_where_a_request_would_go() -> Outcome {
    let routes = "
        trusted_proxies = '127.0.0.0/8'
        [[listener.web.route]]
        path = '/api/*'
        pool = 'a'
        strip_prefix = '/api'
        [[listener.web.route]]
        path_regex = '/old/(.*)'
        redirect = 'https://new.example/$1'
        [[listener.web.route]]
        path = '/half'
        split = { a = 1, b = 3 }
        [[listener.web.route]]
        path = '/mine'
        header = { x-beta = '1' }
        split = { a = 1, b = 3 }
        split_by = 'source'
    ";
    let site = Site::start(&["a", "b"], routes, "")?;
    let explain = |arguments: &[&str]| -> Result<serde_json::Value, Box<dyn std::error::Error>> {
        let output = site
            .balancer
            .command(&[&["explain", "GET"], arguments, &["--json"]].concat())?;
        Ok(serde_json::from_slice(&output.stdout)?)
    };
    let api = explain(&["http://www.example.com/api/x%20y?q"])?;
    assert_eq!(
        (&api["route"], &api["path"], &api["pool"]),
        (&"/api/*".into(), &"/x%20y".into(), &"a".into())
    );
    assert_eq!(explain(&["/old/a/b"])?["does"], "redirects to https://new.example/a/b");
    let half = explain(&["/half"])?;
    assert_eq!(
        (&half["does"], half["pool"].is_null()),
        (&"forwards to one of a (1), b (3), by chance".into(), true)
    );
    let nowhere = explain(&["/mine", "--from", "192.0.2.1"])?;
    assert_eq!(
        (&nowhere["does"], nowhere["route"].is_null()),
        (&"answers 404".into(), true)
    );
    assert!(nowhere["missed"].to_string().contains("x-beta"), "{nowhere}");
    for client in 1..9 {
        let from = format!("x-forwarded-for: 192.0.2.{client}");
        let told = explain(&["/mine", "-H", "x-beta: 1", "-H", &from])?;
        assert_eq!(told["client"], format!("192.0.2.{client}"));
        site.forget();
        assert_eq!(site.get("/mine", &format!("x-beta: 1\r\n{from}\r\n"))?.status, 200);
        site.only(told["pool"].as_str().unwrap_or_default())?;
    }
    Ok(())
}
