//! Which word was probably meant by a misspelt one.

/// From this likeness on, 0..=1, one word is taken for a slip of the other.
const LIKE: f64 = 0.6;

/// Longer words are no slips.
const LONGEST_SLIP: usize = 64;

/// How like a word that is written is to one that is known, 0..=1; capitals do not count.
pub(super) fn likeness(known: &str, written: &str) -> f64 {
    if written.len() > LONGEST_SLIP {
        return 0.0;
    }
    strsim::normalized_damerau_levenshtein(known, &written.to_lowercase())
}

/// The candidate that is most like what is written, if any is like enough.
pub(super) fn closest<'k>(candidates: impl Iterator<Item = (&'k str, f64)>) -> Option<&'k str> {
    let like = candidates.filter(|(_, likeness)| *likeness >= LIKE);
    like.max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let meant =
            |written| closest(["threshold", "pack"].map(|word| (word, likeness(word, written))).into_iter());
        for written in ["treshold", "Threshold", "thershold", "thresholds"] {
            assert_eq!(meant(written), Some("threshold"), "{written}");
        }
        for written in ["", "colour", "path to the model", &"threshold".repeat(1000)] {
            assert_eq!(meant(written), None, "{written}");
        }
    }
}
