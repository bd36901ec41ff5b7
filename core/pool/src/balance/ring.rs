use crate::dice::{hash_bytes, mix};

/// Most points of a whole ring; 1 MiB of memory.
const POINTS_MAX: usize = 65_536;
/// Points of a backend of average weight, while the ring is not full: shares are within about 8 % of fair.
const POINTS_EACH: usize = 160;

/// Where keys lie: points on a circle, each belonging to a member. When a member comes or goes only the keys next to
/// its own points move. Built by the heart, read by all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// Ascending.
    points: Box<[(u64, u16)]>,
}

impl Ring {
    /// From each member's index, address and weight (0 = no points).
    pub(crate) fn new(members: &[(u16, String, u32)]) -> Ring {
        let total: u64 = members.iter().map(|member| u64::from(member.2)).sum();
        let count = members.iter().filter(|member| member.2 > 0).count();
        let wanted = (count * POINTS_EACH).min(POINTS_MAX) as u64;
        let mut points = Vec::new();
        for (index, address, weight) in members {
            if *weight == 0 {
                continue;
            }
            let share = (wanted * u64::from(*weight)).div_ceil(total.max(1));
            let base = hash_bytes(address.as_bytes());
            points.extend((0..share).map(|point| (mix(base.wrapping_add(mix(point + 1))), *index)));
        }
        points.sort_unstable();
        Ring {
            points: points.into_boxed_slice(),
        }
    }

    /// Members from the key's place onward, each point's owner; an owner comes again and again.
    pub(crate) fn walk(&self, hash: u64) -> impl Iterator<Item = u16> + '_ {
        let place = mix(hash);
        let start = self.points.partition_point(|point| point.0 < place);
        let (before, after) = self.points.split_at(start);
        after.iter().chain(before).map(|point| point.1)
    }
}
