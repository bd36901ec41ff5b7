use super::*;

/// A gate whose wakers write down who was called.
#[derive(Default)]
struct Door {
    gate: Gate,
    called: Arc<Mutex<Vec<u32>>>,
}

impl Door {
    fn waker(&self, who: u32) -> Waker {
        let called = Arc::clone(&self.called);
        Box::new(move || called.lock().unwrap().push(who))
    }

    fn wait(&self, who: u32) -> Ticket {
        self.gate.wait(self.waker(who), 10).unwrap()
    }

    /// These wait in line: the first was called at once and found no place.
    fn line<const COUNT: usize>(&self, who: [u32; COUNT]) -> [Ticket; COUNT] {
        let tickets = who.map(|who| self.wait(who));
        assert_eq!(self.called(), [who[0]]);
        self.gate.wait_again(&tickets[0], self.waker(who[0]));
        assert!(self.called().is_empty());
        tickets
    }

    fn called(&self) -> Vec<u32> {
        std::mem::take(&mut *self.called.lock().unwrap())
    }
}

#[test]
fn first_come_first_served() {
    let door = Door::default();
    let [first, second, third] = door.line([1, 2, 3]);
    door.gate.admit(2);
    assert_eq!(door.called(), [1, 2]);
    assert_eq!(door.gate.waiting(), 3, "called, but not at their places yet");
    first.used();
    second.used();
    assert_eq!(door.gate.waiting(), 1);
    assert!(door.gate.leave(third));
    assert_eq!(door.gate.waiting(), 0);
    assert!(door.called().is_empty());
}

#[test]
fn a_turn_that_is_not_used_passes_on() {
    let door = Door::default();
    let [first, second, third] = door.line([1, 2, 3]);
    door.gate.admit(1);
    assert!(!door.gate.leave(first), "it had been called");
    assert_eq!(door.called(), [1, 2]);
    drop(second);
    assert_eq!(door.called(), [3]);
    drop(third);
    assert_eq!(door.gate.waiting(), 0);
}

#[test]
fn one_who_left_is_not_called() {
    let door = Door::default();
    let [first, second] = door.line([1, 2]);
    drop(first);
    door.gate.admit(1);
    assert_eq!(door.called(), [2]);
    second.used();
}

#[test]
fn called_in_vain_means_first_in_line_again() {
    let door = Door::default();
    let [first, second] = door.line([1, 2]);
    door.gate.admit(1);
    door.gate.wait_again(&first, door.waker(10));
    door.gate.admit(2);
    assert_eq!(door.called(), [1, 10, 2]);
    first.used();
    second.used();
    assert_eq!(door.gate.waiting(), 0);
}

#[test]
fn the_line_has_an_end() {
    let door = Door::default();
    let ticket = door.gate.wait(Box::new(|| {}), 1).unwrap();
    assert_eq!(door.gate.wait(Box::new(|| {}), 1).unwrap_err(), QueueFull);
    ticket.used();
    assert!(door.gate.wait(Box::new(|| {}), 0).is_err());
}

#[test]
fn admitting_an_empty_room_is_nothing() {
    Gate::default().admit(u32::MAX);
}

#[test]
fn a_turn_that_comes_while_the_line_is_empty_is_owed() {
    let door = Door::default();
    let [first] = door.line([1]);
    door.gate.admit(1);
    // It chooses, finds nothing; meanwhile a place comes free.
    door.gate.admit(1);
    door.gate.wait_again(&first, door.waker(10));
    assert_eq!(door.called(), [1, 10]);
    door.gate.admit(1);
    let second = door.wait(2);
    assert_eq!(door.called(), [2], "owed to whoever comes next");
    first.used();
    second.used();
    let third = door.wait(3);
    door.gate.wait_again(&third, door.waker(30));
    assert_eq!(door.called(), [3], "nothing is owed in an empty room");
}

#[test]
fn who_joined_out_of_politeness_is_called_until_one_finds_no_place() {
    let door = Door::default();
    let first = door.wait(1);
    let (second, third, fourth) = (door.wait(2), door.wait(3), door.wait(4));
    assert_eq!(door.called(), [1]);
    first.used();
    assert_eq!(door.called(), [2]);
    second.used();
    assert_eq!(door.called(), [3]);
    door.gate.wait_again(&third, door.waker(3));
    assert!(door.gate.leave(fourth));
    assert!(door.called().is_empty());
    door.gate.admit(1);
    assert_eq!(door.called(), [3]);
    third.used();
}
