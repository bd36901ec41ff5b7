use super::*;

fn verdict(reached: Option<f64>, at_most: f64, errors: u64) -> Verdict {
    Verdict {
        scenario: "keepalive-64",
        metric: Metric::CpuPerRequest,
        against: "/ nginx".to_owned(),
        reached,
        at_most,
        errors,
    }
}

#[test]
fn the_median_is_in_the_middle() {
    assert_eq!(median(vec![]), None);
    assert_eq!(median(vec![3.0]), Some(3.0));
    assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(vec![4.0, 1.0, 2.0, 9.0]), Some(3.0));
}

#[test]
fn a_goal_is_reached_at_its_limit_and_without_errors_only() {
    assert!(verdict(Some(0.85), 0.85, 0).is_pass());
    assert!(!verdict(Some(0.86), 0.85, 0).is_pass());
    assert!(!verdict(Some(0.5), 0.85, 1).is_pass());
    assert!(!verdict(None, 0.85, 0).is_pass());
    assert_eq!(
        verdict(Some(1.02), 0.85, 0).to_text(),
        "goal   CPU/request / nginx 1.02, at most 0.85: MISS by 20 %"
    );
}
