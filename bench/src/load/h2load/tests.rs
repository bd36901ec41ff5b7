use super::*;

const SAID: &str = "\
TLS Protocol: TLSv1.3
Cipher: TLS_AES_128_GCM_SHA256
Application protocol: h2

finished in 1.50s, 6666.67 req/s, 1.70MB/s
requests: 10000 total, 10000 started, 10000 done, 9990 succeeded, 10 failed, 10 errored, 0 timeout
status codes: 9990 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 1.67MB (1750000) total, 401.33KB (410960) headers (space savings 78.00%), 1.22MB (1278720) data
";

#[test]
fn the_report_is_read() {
    let report = parse(SAID).expect("it is whole");
    assert_eq!(
        report,
        Report {
            seconds: 1.5,
            succeeded: 9990,
            lost: 10,
            content_bytes: 1_278_720,
            is_h2: true,
        }
    );
    assert_eq!(errors(&report, 128), BTreeMap::from([("not succeeded", 10)]));
}

#[test]
fn another_protocol_and_other_answers_are_errors() {
    let said = SAID
        .replace("9990", "10000")
        .replace(" 10 ", " 0 ")
        .replace(": h2", ": http/1.1");
    let report = parse(&said).expect("it is whole");
    assert_eq!(
        errors(&report, 128),
        BTreeMap::from([("not HTTP/2", 1), ("wrong length", 1)])
    );
}

#[test]
fn what_is_cut_off_is_no_report() {
    for end in 0..SAID.len() - 1 {
        assert_eq!(parse(&SAID[..end]), None, "{end}");
    }
}

#[test]
fn times_have_three_units() {
    assert_eq!(seconds("2.50s"), Some(2.5));
    assert_eq!(seconds("250.00ms"), Some(0.25));
    assert_eq!(seconds("900us"), Some(900e-6));
    assert_eq!(seconds("9"), None);
}
