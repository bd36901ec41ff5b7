//! The files of certificates: watched between reloads, so that whoever renews them need not tell us.

use crate::control::Control;
use crate::hearts::Happening;
use crate::log;
use evenkeel_tls::News;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks; a change is taken at the second look that finds the same, so within about a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Looks at the files until the process ends.
pub(crate) async fn watch(control: Arc<Control>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let vault = control.vault.clone();
        match tokio::task::spawn_blocking(move || vault.look()).await {
            Ok(news) => news.into_iter().for_each(|news| tell(&control, news)),
            Err(error) => log::error("looking at the certificates broke off", &[("error", &error)]),
        }
    }
}

fn tell(control: &Control, news: News) {
    if news.is_good {
        log::info(&news.message, &[]);
    } else {
        log::error(&news.message, &[]);
    }
    control.hearts.announce(Happening::plain("certificates", news.message));
}
