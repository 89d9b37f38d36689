//! The choice among equals: SplitMix64, the same numbers as `dromon.scheduler.engine.pick`.

pub struct SplitMix64(u64);

impl SplitMix64 {
    pub fn new(seed: u64) -> SplitMix64 {
        SplitMix64(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound` (at most 2^32).
    pub fn below(&mut self, bound: usize) -> usize {
        (((self.next() >> 32) * bound as u64) >> 32) as usize
    }
}

/// The index of one of the highest totals, or None when all are `none`.
pub fn highest(totals: &[i32], none: i32, random: &mut SplitMix64) -> Option<usize> {
    let best = totals.iter().copied().fold(none, i32::max);
    if best == none {
        return None;
    }
    // Plain passes over the array: each is a few vector instructions per eight nodes.
    let ties = totals.iter().map(|&t| u32::from(t == best)).sum::<u32>() as usize;
    let nth = if ties > 1 { random.below(ties) } else { 0 };
    totals
        .iter()
        .enumerate()
        .filter(|(_, &t)| t == best)
        .nth(nth)
        .map(|(i, _)| i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_gives_the_published_numbers() {
        let mut random = SplitMix64::new(1234567);
        assert_eq!(random.next(), 6457827717110365317);
        assert_eq!(random.next(), 3203168211198807973);
    }

    #[test]
    fn highest_takes_each_of_the_equals_and_nothing_else() {
        let mut random = SplitMix64::new(1);
        let mut seen = [0; 5];
        for _ in 0..300 {
            seen[highest(&[7, -1, 7, 3, 7], -1, &mut random).unwrap()] += 1;
        }
        assert!(seen[0] > 50 && seen[2] > 50 && seen[4] > 50);
        assert_eq!(seen[1] + seen[3], 0);
        assert_eq!(highest(&[-1, -1], -1, &mut random), None);
        assert_eq!(highest(&[], -1, &mut random), None);
    }
}
