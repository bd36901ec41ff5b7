pub(crate) mod scenario {
    pub(crate) fn named(_: &str) -> Result<Vec<u8>, crate::Failure> {
        Ok(vec![])
    }
}
pub(crate) struct Options {
    pub(crate) scenarios: Vec<u8>,
    pub(crate) rounds: Option<usize>,
    pub(crate) quick: bool,
    pub(crate) window: Option<std::time::Duration>,
    pub(crate) evenkeel: std::path::PathBuf,
    pub(crate) haproxy: std::path::PathBuf,
    pub(crate) nginx: std::path::PathBuf,
    pub(crate) nginx_balance: String,
    pub(crate) balancer_core: usize,
    pub(crate) load_core: usize,
    pub(crate) priority: bool,
    pub(crate) json: Option<std::path::PathBuf>,
}
pub(crate) fn run(_: &Options) -> Result<(), crate::Failure> {
    Ok(())
}
