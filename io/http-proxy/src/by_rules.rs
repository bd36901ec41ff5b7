//! The way of a request whose route asks more than others: its body is held, fields are taken away, a copy is made.

use crate::client::Then;
use crate::gather::{Held, gather};
use crate::mirror::{self, MirrorTo, Original};
use crate::proxy::Journey;
use crate::reason::Reason;
use crate::rules::Rules;
use evenkeel_rewrite::Rewrite;

impl Journey<'_> {
    /// To a backend and back, with what the route asks besides.
    pub(crate) async fn travel_by(&mut self, rules: &Rules, way: usize) -> (Reason, Then) {
        // Given back with what it holds when the request is over.
        let _held = match self.gather(rules).await {
            Ok(held) => held,
            Err(reason) => return self.fail(reason, false).await,
        };
        if rules.rewrite.as_ref().is_some_and(Rewrite::takes_fields) {
            self.exchange.head.drop_trailers();
        }
        let (mirror, most) = (rules.mirror.as_ref(), mirror::most(rules.buffer));
        let mirror = mirror.filter(|mirror| mirror.wants(self.exchange, &self.client.guest.world));
        if let Some(mirror) = mirror {
            if mirror::is_too_large(self.exchange, most) {
                mirror.counts.too_large.add(1);
            } else {
                self.copy_later = !self.copy(mirror, way, most);
            }
        }
        let ended = self.travel().await;
        if let (Some(mirror), true) = (mirror, self.copy_later) {
            let kept = self.exchange.body_kept && self.copy(mirror, way, most);
            mirror.counts.too_large.add(u64::from(!kept));
        }
        ended
    }

    /// The body, held until it is whole, where the route wants that.
    async fn gather(&mut self, rules: &Rules) -> Result<Option<Held>, Reason> {
        let Some(most) = rules.buffer else { return Ok(None) };
        let most = match self.way.max_body_bytes {
            0 => most,
            limit => most.min(limit),
        };
        gather(self.client, self.exchange, most, self.ways.listener.timeouts.request).await
    }

    /// Begins a copy if the body is here; false when it is not yet.
    fn copy(&mut self, mirror: &MirrorTo, way: usize, most: usize) -> bool {
        let Some(body) = mirror::whole_body(self.exchange, most) else {
            return false;
        };
        self.name_request();
        let original = Original {
            guest: &self.client.guest,
            exchange: self.exchange,
            ways: self.ways,
            way,
            believed: self.believed,
            trusted: self.trusted,
        };
        mirror.send(&original, body);
        true
    }
}
