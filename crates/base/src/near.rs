//! Near matches for misspelt names.

/// The candidate closest to `name` by edit distance, ignoring case, if it is close enough to be
/// worth suggesting (at most a third of its letters differ).
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&name, &candidate.to_ascii_lowercase()), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance * 3 <= candidate.len().max(name.len()))
        .map(|(_, candidate)| candidate)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn suggests_the_likely_name_only() {
        let keys = ["brokerName", "brokerClusterName", "flushDiskType", "listenPort"];
        assert_eq!(nearest("brokername", keys), Some("brokerName"));
        assert_eq!(nearest("flushDiskTyp", keys), Some("flushDiskType"));
        assert_eq!(nearest("xyz", keys), None);
    }
}
