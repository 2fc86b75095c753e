//! Ids in the format of the real account's, from a seed and a counter.

/// Returns the id of the row with this number: `cm4x`, 8 characters from seed and number, 13 from the number.
///
/// The last 13 are a bijection of the number: two numbers never share an id, under any seeds.
pub(super) fn row_id(seed: u64, number: u64) -> String {
    let mut id = String::with_capacity(25);
    id.push_str("cm4x");
    push_base36(&mut id, mix(seed ^ mix(number)), 8);
    push_base36(&mut id, mix(number), 13);
    id
}

/// Maps numbers to numbers one to one (the finaliser of `SplitMix64`).
pub(super) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn push_base36(text: &mut String, mut number: u64, digits: u32) {
    for _ in 0..digits {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        text.push(char::from_digit(digit, 36).unwrap_or('0'));
        number /= 36;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_depend_on_seed_and_number_and_are_unique() {
        assert_eq!(row_id(7, 1), row_id(7, 1));
        let ids: HashSet<_> = (0..3).flat_map(|seed| (0..2000).map(move |n| row_id(seed, n))).collect();
        assert_eq!(ids.len(), 6000);
        let tails: HashSet<_> = (0..2000).map(|n| row_id(0, n)[12..].to_owned()).collect();
        assert_eq!(tails.len(), 2000, "the tail alone tells numbers apart");
        assert!(ids.iter().all(|id| id.len() == 25 && id.starts_with("cm4x")));
    }
}
