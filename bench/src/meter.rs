//! CPU time and memory of a process and everything it started, from /proc.
//!
//! CPU comes from each thread's `schedstat`, in nanoseconds; the ticks of `stat` (10 ms) would be too coarse for a
//! measurement of a second. A thread that ends between two readings takes its time with it, so the tick counter,
//! which keeps it, is read too and the larger difference counts.

use std::fs;
use std::io;
use std::time::Duration;

/// Length of one tick of `/proc/PID/stat`: the kernel reports in 1/100 s on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// The process and its descendants as they are now.
pub(crate) fn tree(root: u32) -> io::Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(process) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if let Some(parent) = stat_fields(process).and_then(|fields| fields.get(1)?.parse::<u32>().ok()) {
            parents.push((process, parent));
        }
    }
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(process, _)| *process),
        );
        at += 1;
    }
    Ok(found)
}

/// The fields of `/proc/PID/stat` after the name: state, parent, ...
fn stat_fields(process: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_ascii_whitespace().map(str::to_owned).collect())
}

/// CPU time used since each process began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    by_threads: Duration,
    by_ticks: Duration,
}

impl Cpu {
    /// Reads the clocks of these processes; those that are gone count nothing.
    pub(crate) fn of(processes: &[u32]) -> Self {
        let mut cpu = Self::default();
        for process in processes {
            cpu.by_threads += threads_cpu(*process);
            cpu.by_ticks += ticks_cpu(*process);
        }
        cpu
    }

    /// Time used from `earlier` to this reading.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        let threads = self.by_threads.saturating_sub(earlier.by_threads);
        let ticks = self.by_ticks.saturating_sub(earlier.by_ticks);
        // Two ticks (user and system each round down) is what the coarse clock may be ahead by without meaning it.
        if ticks > threads + 2 * TICK { ticks } else { threads }
    }
}

fn threads_cpu(process: u32) -> Duration {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
        return Duration::ZERO;
    };
    threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|schedstat| schedstat.split_ascii_whitespace().next()?.parse().ok())
        .map(Duration::from_nanos)
        .sum()
}

fn ticks_cpu(process: u32) -> Duration {
    let Some(fields) = stat_fields(process) else {
        return Duration::ZERO;
    };
    // Fields 14 to 17 of proc(5), user and system time, its own and that of children that ended, counted here from
    // the third.
    let ticks: u32 = fields
        .iter()
        .skip(11)
        .take(4)
        .filter_map(|field| field.parse::<u32>().ok())
        .sum();
    TICK * ticks
}

/// CPU time of the whole machine since it started: everything but idling and waiting for disks.
pub(crate) fn machine() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let Some(line) = stat.lines().next() else {
        return Duration::ZERO;
    };
    // user, nice, system, (idle, iowait,) irq, softirq, steal: proc(5).
    let fields: Vec<u32> = line
        .split_ascii_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    TICK * fields
        .iter()
        .enumerate()
        .filter(|(at, _)| matches!(at, 0..=2 | 5..=7))
        .map(|(_, ticks)| *ticks)
        .sum::<u32>()
}

/// Proportional set size of these processes in bytes: what they hold alone plus their part of what they share.
pub(crate) fn memory(processes: &[u32]) -> io::Result<u64> {
    let mut bytes = 0;
    for process in processes {
        let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
        let kibibytes: u64 = rollup
            .lines()
            .find_map(|line| {
                line.strip_prefix("Pss:")?
                    .trim()
                    .strip_suffix("kB")?
                    .trim()
                    .parse()
                    .ok()
            })
            .ok_or_else(|| io::Error::other("smaps_rollup without Pss"))?;
        bytes += kibibytes * 1024;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
