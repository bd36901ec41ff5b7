use super::*;

const fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

fn calm(places: usize) -> Behaviour {
    Behaviour {
        places,
        mean: ms(20),
        stall: None,
    }
}

#[test]
fn dice_have_mean_one_and_an_exponential_tail() {
    let mut dice = Dice::new(1);
    let throws: Vec<f64> = (0..200_000).map(|_| dice.exponential()).collect();
    let mean = throws.iter().sum::<f64>() / throws.len() as f64;
    assert!((mean - 1.0).abs() < 0.01, "{mean}");
    let beyond = throws.iter().filter(|value| **value > 4.605).count() as f64 / throws.len() as f64;
    assert!((beyond - 0.01).abs() < 0.001, "{beyond}");
}

#[test]
fn no_more_than_the_places_work_at_once_and_the_line_is_first_come_first_served() {
    let mut service = Service::new(calm(1), 7);
    for number in 0..50 {
        service.arrive(ms(0), number);
    }
    let mut order = Vec::new();
    let mut last = ms(0);
    while let Some(at) = service.next_end() {
        assert!(at >= last);
        last = at;
        order.extend(service.end_due(at));
    }
    assert_eq!(order, (0..50).collect::<Vec<_>>());
    assert!(
        last > ms(500) && last < ms(2000),
        "50 services of mean 20 ms in a row took {last:?}"
    );
}

#[test]
fn the_capacity_is_places_over_mean_however_late_the_ends_are_taken() {
    let mut service = Service::new(calm(4), 3);
    for number in 0..10_000 {
        service.arrive(ms(0), number);
    }
    let mut served = 0;
    for tick in 1..=200 {
        while service.end_due(ms(tick * 50)).is_some() {
            served += 1;
        }
    }
    assert!((1800..2200).contains(&served), "200/s for 10 s gave {served}");
}

#[test]
fn a_stall_freezes_work_and_checks() {
    let stall = Stall {
        every: ms(5000),
        lasting: ms(500),
    };
    let service: Service<u8> = Service::new(
        Behaviour {
            stall: Some(stall),
            ..calm(4)
        },
        1,
    );
    assert_eq!(service.after_work(ms(100), ms(30)), ms(130));
    assert_eq!(
        service.after_work(ms(4490), ms(30)),
        ms(5020),
        "10 ms before the stall, 20 after it"
    );
    assert_eq!(service.after_work(ms(4600), ms(30)), ms(5030), "begun in the stall");
    assert_eq!(service.after_work(ms(4600), ms(0)), ms(5000), "a check in the stall");
    assert_eq!(
        service.after_work(ms(5000), ms(4600)),
        ms(10_100),
        "across the next stall"
    );
}

#[test]
fn a_check_waits_for_no_place() {
    let mut service = Service::new(calm(1), 7);
    service.arrive(ms(0), "a");
    service.arrive(ms(0), "b");
    service.arrive_check(ms(0), "check");
    assert_eq!(service.end_due(ms(0)), Some("check"));
    assert_eq!(service.end_due(ms(0)), None);
}
