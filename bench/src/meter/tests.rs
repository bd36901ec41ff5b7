use super::*;

#[test]
fn the_tree_holds_a_child_and_its_work_is_counted() {
    let mut child = std::process::Command::new("sh")
        .args(["-c", "while :; do :; done"])
        .spawn()
        .expect("a shell starts");
    let own = std::process::id();
    assert!(tree(own).expect("proc is readable").contains(&child.id()));
    let processes = [child.id()];
    let before = Cpu::of(&processes);
    while Cpu::of(&processes).since(before) < Duration::from_millis(50) {
        std::thread::yield_now();
    }
    assert!(memory(&processes).expect("smaps_rollup is readable") > 0);
    child.kill().expect("the child is ours");
    child.wait().expect("the child is ours");
}
