//! `Accept-Encoding` (RFC 9110 12.5.3).

use evenkeel_model::Encoding;

/// Weights are kept in thousandths: three digits are all that a client may send (RFC 9110 12.4.2).
const ONE: u16 = 1000;

/// How much a client likes each coding. 0 = not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accepted {
    zstd: u16,
    brotli: u16,
    gzip: u16,
    /// Only what was said: plain bytes that nobody mentioned are taken, but liked less than any coding.
    identity: u16,
}

impl Accepted {
    /// From all lines of the field. Malformed members are not there.
    pub fn of(lines: &[&[u8]]) -> Accepted {
        let (mut zstd, mut brotli, mut gzip, mut identity, mut others) = (None, None, None, None, None);
        for member in lines.iter().flat_map(|line| line.split(|&byte| byte == b',')) {
            let mut parts = member.splitn(2, |&byte| byte == b';');
            let name = parts.next().unwrap_or(b"").trim_ascii();
            let Some(weight) = parts.next().map_or(Some(ONE), weight) else {
                continue;
            };
            let place = match name {
                name if name.eq_ignore_ascii_case(b"zstd") => &mut zstd,
                name if name.eq_ignore_ascii_case(b"br") => &mut brotli,
                name if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") => &mut gzip,
                name if name.eq_ignore_ascii_case(b"identity") => &mut identity,
                b"*" => &mut others,
                _ => continue,
            };
            // Said twice: what was said first.
            place.get_or_insert(weight);
        }
        let others = others.unwrap_or(0);
        Accepted {
            zstd: zstd.unwrap_or(others),
            brotli: brotli.unwrap_or(others),
            gzip: gzip.unwrap_or(others),
            identity: identity.unwrap_or(0),
        }
    }

    /// The codings of `offered` (the best first, in our eyes) that the client takes and does not like less than plain
    /// bytes: those that it likes best first, and of equal ones in our order.
    pub fn ranked(&self, offered: &[Encoding]) -> impl Iterator<Item = Encoding> + Clone + use<> {
        let mut ranked = [None; Encoding::ALL.len()];
        let taken = offered.iter().copied().filter(|&coding| {
            let weight = self.weight(coding);
            weight > 0 && weight >= self.identity
        });
        for (place, coding) in ranked.iter_mut().zip(taken) {
            *place = Some(coding);
        }
        ranked.sort_by_key(|coding| std::cmp::Reverse(coding.map_or(0, |coding| self.weight(coding))));
        ranked.into_iter().flatten()
    }

    fn weight(&self, coding: Encoding) -> u16 {
        match coding {
            Encoding::Zstd => self.zstd,
            Encoding::Brotli => self.brotli,
            Encoding::Gzip => self.gzip,
        }
    }
}

/// `q=0.5` in thousandths; `None` = malformed.
fn weight(parameter: &[u8]) -> Option<u16> {
    let (b'q' | b'Q', rest) = parameter.trim_ascii().split_first()? else {
        return None;
    };
    let digits = rest.strip_prefix(b"=")?;
    let (whole, fraction) = match digits {
        [whole] => (*whole, &b""[..]),
        [whole, b'.', fraction @ ..] if fraction.len() <= 3 => (*whole, fraction),
        _ => return None,
    };
    let mut weight = match whole {
        b'0' => 0,
        b'1' => ONE,
        _ => return None,
    };
    for (digit, place) in fraction.iter().zip([100, 10, 1]) {
        if !digit.is_ascii_digit() {
            return None;
        }
        weight += u16::from(digit - b'0') * place;
    }
    (weight <= ONE).then_some(weight)
}
