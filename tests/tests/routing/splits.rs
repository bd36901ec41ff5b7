//! Shares of traffic for several pools.

use crate::site::{Outcome, Site};

fn routes(split: &str) -> String {
    format!("[[listener.web.route]]\nsplit = {split}\n")
}

/// To which pools these requests went, one after the other.
fn taken(
    site: &Site,
    count: usize,
    fields: impl Fn(usize) -> String,
) -> Result<Vec<usize>, Box<dyn std::error::Error>> {
    let mut client = site.connect()?;
    let mut sides = Vec::new();
    for number in 0..count {
        site.forget();
        let request = format!("GET / HTTP/1.1\r\nhost: h\r\n{}\r\n", fields(number));
        client.send(request.as_bytes())?;
        assert_eq!(client.response(crate::site::SOON, false)?.status, 200);
        let sides_hit: Vec<usize> = (0..site.origins.len())
            .filter(|side| {
                site.origins[*side]
                    .records()
                    .iter()
                    .any(|record| !record.bytes.is_empty())
            })
            .collect();
        assert_eq!(sides_hit.len(), 1);
        sides.extend(sides_hit);
    }
    Ok(sides)
}

#[test]
fn each_side_gets_its_share_and_a_side_without_weight_nothing() -> Outcome {
    let site = Site::start(
        &["stable", "canary", "off"],
        &routes("{ stable = 3, canary = 1, off = 0 }"),
        "",
    )?;
    let sides = taken(&site, 200, |_| String::new())?;
    let count = |side| sides.iter().filter(|taken| **taken == side).count();
    // 50 are expected, with a standard deviation of 6.
    assert!((15..=95).contains(&count(1)), "{}", count(1));
    assert_eq!(count(2), 0);
    for (pool, side) in [("stable", 0), ("canary", 1), ("off", 2)] {
        let labels = [("pool", pool), ("code", "2xx")];
        site.wait_for_metric("evenkeel_http_requests_total", &labels, count(side) as f64)?;
    }
    Ok(())
}

#[test]
fn a_client_keeps_its_side_where_asked() -> Outcome {
    for (by, field) in [("cookie:user", "cookie: a=b; user="), ("header:x-user", "x-user: ")] {
        let split = format!("{{ stable = 1, canary = 1 }}\nsplit_by = '{by}'");
        let site = Site::start(&["stable", "canary"], &routes(&split), "")?;
        let user = |number: usize| format!("{field}{}\r\n", number % 20);
        let sides = taken(&site, 60, user)?;
        assert_eq!(sides[..20], sides[20..40]);
        assert_eq!(sides[..20], sides[40..]);
        // All twenty on one side would be a coin that fell twenty times the same way; these names are known not to.
        assert!(sides[..20].contains(&0) && sides[..20].contains(&1));
        // A change of weights moves only towards who gained.
        site.reload(&routes(&format!("{{ stable = 1, canary = 3 }}\nsplit_by = '{by}'")), "")?;
        let after = taken(&site, 20, user)?;
        assert!(
            sides[..20].iter().zip(&after).all(|(before, after)| after >= before),
            "{sides:?} {after:?}"
        );
        // Who shows nothing goes by the address: always to the same.
        let nameless = taken(&site, 10, |_| String::new())?;
        assert!(nameless.iter().all(|side| *side == nameless[0]));
    }
    Ok(())
}

#[test]
fn a_split_by_source_keeps_one_address_together() -> Outcome {
    let split = "{ stable = 1, canary = 1 }\nsplit_by = 'source'";
    let site = Site::start(&["stable", "canary"], &routes(split), "")?;
    let sides = taken(&site, 20, |_| String::new())?;
    assert!(sides.iter().all(|side| *side == sides[0]));
    Ok(())
}
