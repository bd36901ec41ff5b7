//! "Did you mean ...?"

use crate::keys::{Key, Section, sections};

/// Longer words are no slip of the fingers, and comparing them costs their product.
const WORD_LIMIT: usize = 64;

/// The nearest of `candidates`, if it is near enough to be meant: a few slips away, or begun or continued.
pub(crate) fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let (distance, candidate) = closest(written, candidates.clone())?;
    if distance <= tolerance(written, candidate) {
        return Some(candidate);
    }
    candidates.into_iter().find(|candidate| is_begun(written, candidate))
}

/// `did you mean `backends`?`
pub(crate) fn did_you_mean<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    nearest(written, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// Advice for a key that `section` does not have: a slip of one letter, another program's word for it, the place
/// where the key belongs, something similar, or else all there is. With it, the key that is probably meant.
pub(crate) fn for_key(written: &str, section: &'static Section) -> (String, Option<&'static str>) {
    let here: Vec<&'static str> = section.ready().map(|key| key.name).collect();
    let meant = |name: &'static str| (format!("did you mean `{name}`?"), Some(name));
    if let Some((0 | 1, name)) = closest(written, here.iter().copied()) {
        return meant(name);
    }
    if let Some(key) = section.ready().find(|key| key.also.contains(&written)) {
        return meant(key.name);
    }
    if let Some(places) = elsewhere(written) {
        return (format!("`{written}` belongs into {places}"), None);
    }
    if let Some(name) = nearest(written, here.iter().copied()) {
        return meant(name);
    }
    (format!("known here: {}", here.join(", ")), None)
}

/// The sections that have this key, as a sentence has them; at most three.
fn elsewhere(written: &str) -> Option<String> {
    const NAMED: usize = 3;
    let has_it = |section: &&Section| section.find(written).is_some_and(|key: &Key| key.ready);
    let places: Vec<&str> = sections()
        .into_iter()
        .filter(has_it)
        .map(|section| section.place)
        .take(NAMED)
        .collect();
    (!places.is_empty()).then(|| places.join(" or "))
}

fn closest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    if written.len() > WORD_LIMIT {
        return None;
    }
    let folded = fold(written);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= WORD_LIMIT)
        .map(|candidate| (strsim::osa_distance(&folded, &fold(candidate)), candidate))
        .min_by_key(|(distance, _)| *distance)
}

/// How many slips are believed: a third of the longer word.
fn tolerance(written: &str, candidate: &str) -> usize {
    (written.chars().count().max(candidate.chars().count()) / 3).max(1)
}

/// The beginning of the other, three letters at least.
fn is_begun(written: &str, candidate: &str) -> bool {
    let (written, candidate) = (fold(written), fold(candidate));
    written.len().min(candidate.len()) >= 3 && (candidate.starts_with(&written) || written.starts_with(&candidate))
}

/// Case and the kind of dash are not worth a distance.
fn fold(word: &str) -> String {
    word.to_lowercase().replace(['-', '_', ' '], "")
}
