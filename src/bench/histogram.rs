//! Latencies, counted in buckets that are as fine as the value is small: an error of less than one in a hundred, in fixed
//! memory, without an allocation at a recording.

use std::time::Duration;

use super::units::{float, nanos, nanos_ms};

/// Buckets in each doubling, as a power of two: half of 1/128 is the largest error.
const BITS: u32 = 7;
const STEPS: usize = 1 << BITS;
/// Nanoseconds, some 73 minutes; what is longer counts as that long.
const LONGEST: u64 = (1 << 42) - 1;
const BUCKETS: usize = (42 - BITS as usize + 1) * STEPS;

/// Times by how often they came.
#[derive(Debug, Clone)]
pub struct Histogram {
    buckets: Box<[u64]>,
    count: u64,
    sum: u128,
    least: u64,
    most: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS].into_boxed_slice(), count: 0, sum: 0, least: u64::MAX, most: 0 }
    }
}

impl Histogram {
    pub fn record(&mut self, time: Duration) {
        let value = nanos(time).min(LONGEST);
        self.buckets[bucket(value)] += 1;
        self.count += 1;
        self.sum += u128::from(value);
        self.least = self.least.min(value);
        self.most = self.most.max(value);
    }

    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(own, theirs)| *own += theirs);
        self.count += other.count;
        self.sum += other.sum;
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
    }

    pub fn clear(&mut self) {
        if self.count > 0 {
            self.buckets.fill(0);
        }
        (self.count, self.sum, self.least, self.most) = (0, 0, u64::MAX, 0);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// The time that this share (of 1) of all times does not exceed, in milliseconds. Nothing of nothing.
    pub fn quantile_ms(&self, share: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank is between zero and the count"
        )]
        let rank = ((float(self.count) * share).ceil() as u64).clamp(1, self.count);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(nanos_ms(last_of(index).clamp(self.least, self.most)));
            }
        }
        Some(nanos_ms(self.most))
    }

    pub fn mean_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| nanos_ms(u64::try_from(self.sum / u128::from(self.count)).unwrap_or(u64::MAX)))
    }

    pub fn least_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| nanos_ms(self.least))
    }

    pub fn most_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| nanos_ms(self.most))
    }
}

/// Small values have a bucket each; the others share one with those that begin with the same eight bits.
fn bucket(value: u64) -> usize {
    let shift = (value | 1).ilog2().saturating_sub(BITS);
    let leading = usize::try_from(value >> shift).unwrap_or(0);
    if shift == 0 { leading } else { (shift as usize) * STEPS + leading }
}

/// The largest value of a bucket.
fn last_of(bucket: usize) -> u64 {
    let shift = (bucket / STEPS).saturating_sub(1);
    let leading = bucket - shift * STEPS;
    (((leading as u64) + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_value_is_in_a_bucket_that_holds_it_and_no_two_buckets_overlap() {
        let mut end = None;
        for index in 0..BUCKETS {
            let last = last_of(index);
            assert_eq!(bucket(last), index);
            if let Some(end) = end {
                assert_eq!(bucket(end + 1), index, "the bucket begins where the last one ended");
            }
            end = Some(last);
        }
        assert_eq!(end, Some(LONGEST));
    }

    #[test]
    fn what_is_too_long_counts_as_the_longest_and_nothing_has_no_quantile() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.quantile_ms(0.5), histogram.mean_ms(), histogram.most_ms()), (None, None, None));
        histogram.record(Duration::from_secs(1_000_000));
        assert_eq!(histogram.quantile_ms(0.99), Some(nanos_ms(LONGEST)));
        histogram.clear();
        assert_eq!((histogram.count(), histogram.quantile_ms(0.99)), (0, None));
    }

    proptest! {
        /// Against a sorted list, however the values are spread over two histograms.
        #[test]
        fn quantiles_are_those_of_the_sorted_values(
            values in proptest::collection::vec(0_u64..10_000_000_000, 1..300),
            share in 0.0_f64..=1.0,
        ) {
            let mut halves = [Histogram::default(), Histogram::default()];
            for (index, value) in values.iter().enumerate() {
                halves[index % 2].record(Duration::from_nanos(*value));
            }
            let [mut all, other] = halves;
            all.merge(&other);
            let mut sorted = values.clone();
            sorted.sort_unstable();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small")]
            let rank = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len());
            let exact = nanos_ms(sorted[rank - 1]);
            let told = all.quantile_ms(share).unwrap();
            prop_assert!(told >= exact && told <= exact * (1.0 + 1.0 / 128.0), "{told} for {exact}");
            prop_assert_eq!(all.least_ms(), Some(nanos_ms(sorted[0])));
            prop_assert_eq!(all.most_ms(), Some(nanos_ms(sorted[sorted.len() - 1])));
        }
    }
}
