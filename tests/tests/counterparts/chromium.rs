//! A real browser, which keeps cookies and speaks HTTP/2 only where it may.

use evenkeel_tests::chromium;
use serde_json::Value;

use crate::front::{Front, Outcome, serve};

#[test]
fn a_page_over_http_2_stays_with_its_backend() -> Outcome {
    let sites = [
        serve("page_server.py", &["p0"])?,
        serve("page_server.py", &["p1"])?,
        serve("page_server.py", &["p2"])?,
    ];
    let backends: Vec<String> = sites.iter().map(|(_, port)| format!("\"127.0.0.1:{port}\"")).collect();
    let front = Front::start(
        "",
        // In turn, so that without the cookie no two requests would go to the same.
        |_| {
            format!(
                "backends = [{}]\nbalance = \"round-robin\"\nsticky = \"cookie\"",
                backends.join(", ")
            )
        },
        &[],
    )?;
    let url = format!("https://{}/", front.tls());
    let document = chromium::document(&url, front.scratch.path())?;
    let (_, rest) = document.split_once("<pre id=\"found\">").ok_or(document.clone())?;
    let (found, _) = rest.split_once("</pre>").ok_or(document.clone())?;
    let found: Value = serde_json::from_str(&found.replace("&quot;", "\""))?;
    assert_eq!(found["page"], "h2", "{found}");
    assert_eq!(found["parts"], serde_json::json!(["h2"]), "{found}");
    assert_eq!(found["picture"], 16, "the picture is there: {found}");
    assert_eq!(
        found["names"].as_array().map(Vec::len),
        Some(1),
        "one backend for all of it: {found}"
    );
    assert_eq!(found["cookie"], "", "scripts do not see the cookie: {found}");
    let served: Vec<Value> = front.log()?.into_iter().filter(|line| line["status"] == 200).collect();
    assert!(served.len() >= 15, "{served:?}");
    Ok(())
}
