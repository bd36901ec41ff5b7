/// What a run saw, for the curious.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that came.
    pub requests: u64,
    /// Answered.
    pub answered: u64,
    /// Failed after all tries.
    pub failed: u64,
    /// Found no candidate.
    pub nothing: u64,
    /// Had to wait.
    pub waited: u64,
    /// Had to wait for their client's backend.
    pub waited_at_home: u64,
    /// Came to the backend that their client belongs to.
    pub at_home: u64,
    /// Went elsewhere for once.
    pub away: u64,
    /// Gave up waiting.
    pub timed_out: u64,
    /// Found the queue full.
    pub queue_full: u64,
    /// Views published.
    pub views: u64,
    /// Changes told.
    pub changes: u64,
}
