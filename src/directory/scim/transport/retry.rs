//! How long to wait before a request is sent again.

use std::time::Duration;
use std::time::SystemTime;

use rand::RngExt;
use reqwest::header::DATE;
use reqwest::header::HeaderMap;
use reqwest::header::RETRY_AFTER;

/// The first pause is at most this long, when the service does not say how long.
const FIRST: Duration = Duration::from_millis(500);

/// No pause is longer, when the service does not say how long.
const LONGEST: Duration = Duration::from_secs(60);

/// What services call the number of requests that are left, and when there are more. There is no standard: GitHub and
/// many others, Okta and others, draft-ietf-httpapi-ratelimit-headers-07.
const BUDGETS: [(&str, &str); 3] = [
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("x-rate-limit-remaining", "x-rate-limit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
];

/// Numbers above are times since 1970, numbers below are seconds from now.
const TIMES_BEGIN: f64 = 1e9;

/// Times above are in milliseconds.
const MILLISECONDS_BEGIN: f64 = 1e11;

/// Returns the pause before attempt `n`, which is at least 1, when the service does not say how long: a random part of
/// a time that doubles, so that those who were refused together do not come back together.
pub fn backoff(n: u32) -> Duration {
    let most = FIRST.saturating_mul(2_u32.saturating_pow(n.saturating_sub(1).min(16))).min(LONGEST);
    most.mul_f64(rand::rng().random_range(0.0..=1.0))
}

/// Returns how long the service asks to be left alone (RFC 9110 section 10.2.3): seconds, or a date, which is compared
/// with the service's own clock if it shows it.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = text_of(headers, RETRY_AFTER.as_str())?;
    if let Some(seconds) = seconds(text) {
        return Some(seconds);
    }
    let until = httpdate::parse_http_date(text).ok()?;
    Some(until.duration_since(clock_of(headers, now)).unwrap_or_default())
}

/// Returns how long there are no more requests left, if there are none.
pub fn exhausted(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    BUDGETS.iter().find_map(|(remaining, reset)| {
        let is_empty = text_of(headers, remaining)?.parse::<f64>().ok()? <= 0.0;
        if !is_empty {
            return None;
        }
        let reset = text_of(headers, reset)?.parse::<f64>().ok().filter(|reset| reset.is_finite() && *reset >= 0.0)?;
        if reset < TIMES_BEGIN {
            return Duration::try_from_secs_f64(reset).ok();
        }
        let seconds = if reset < MILLISECONDS_BEGIN { reset } else { reset / 1000.0 };
        let until = SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
        Some(until.duration_since(clock_of(headers, now)).unwrap_or_default())
    })
}

/// Returns whether an answer of 403 only says that this was too often: GitHub says so with a budget, or with how long
/// to wait.
pub fn is_about_rate(headers: &HeaderMap, now: SystemTime) -> bool {
    retry_after(headers, now).is_some() || exhausted(headers, now).is_some()
}

fn clock_of(headers: &HeaderMap, now: SystemTime) -> SystemTime {
    text_of(headers, DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or(now)
}

/// Returns a number of seconds, rounded up where a service says parts of one.
fn seconds(text: &str) -> Option<Duration> {
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let seconds = text.parse::<f64>().ok()?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

fn text_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use proptest::proptest;
    use reqwest::header::HeaderName;
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
                (name, HeaderValue::from_str(value).expect("a value"))
            })
            .collect()
    }

    /// 1994-11-06 08:49:37 UTC, the date that RFC 9110 section 5.6.7 writes in three ways.
    fn then() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn seconds_after(text: &str, before: u64) -> Option<u64> {
        retry_after(&headers(&[("retry-after", text)]), then() - Duration::from_secs(before)).map(|d| d.as_secs())
    }

    #[test]
    fn retry_after_is_seconds_or_any_of_the_three_forms_of_a_date() {
        assert_eq!(seconds_after("120", 0), Some(120));
        assert_eq!(seconds_after(" 0 ", 0), Some(0));
        assert_eq!(seconds_after("Sun, 06 Nov 1994 08:49:37 GMT", 30), Some(30));
        assert_eq!(seconds_after("Sunday, 06-Nov-94 08:49:37 GMT", 30), Some(30));
        assert_eq!(seconds_after("Sun Nov  6 08:49:37 1994", 30), Some(30));
        assert_eq!(retry_after(&headers(&[("retry-after", "1.5")]), then()), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn a_date_that_has_passed_is_no_pause_and_nonsense_is_nothing() {
        let after = then() + Duration::from_secs(99);
        let passed = headers(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]);
        assert_eq!(retry_after(&passed, after), Some(Duration::ZERO));
        for text in ["", "soon", "-5", "1e9", "+3", "1.2.3", "inf", "nan"] {
            assert_eq!(seconds_after(text, 0), None, "{text:?}");
        }
    }

    #[test]
    fn a_date_is_compared_with_the_clock_of_the_service() {
        let ours = then() + Duration::from_secs(86_400);
        let found =
            headers(&[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]);
        assert_eq!(retry_after(&found, ours), Some(Duration::from_secs(10)));
    }

    #[test]
    fn a_budget_that_is_used_up_says_when_there_is_more() {
        let exhausted = |pairs: &[(&str, &str)]| exhausted(&headers(pairs), then()).map(|d| d.as_secs());
        assert_eq!(exhausted(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "7")]), Some(7));
        assert_eq!(exhausted(&[("X-Rate-Limit-Remaining", "0"), ("X-Rate-Limit-Reset", "7")]), Some(7));
        assert_eq!(exhausted(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "7")]), Some(7));
        assert_eq!(exhausted(&[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "7")]), None);
        assert_eq!(exhausted(&[("x-ratelimit-remaining", "0")]), None);
        assert_eq!(exhausted(&[("x-ratelimit-reset", "7")]), None);
        assert_eq!(exhausted(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "-1")]), None);
    }

    #[test]
    fn a_reset_may_be_a_time_since_1970_in_seconds_or_milliseconds() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for reset in ["1700000009", "1700000009000"] {
            let found = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset)]);
            assert_eq!(exhausted(&found, now), Some(Duration::from_secs(9)), "{reset}");
        }
    }

    #[test]
    fn pauses_grow_to_a_minute_and_are_not_all_the_same() {
        for n in 1..40 {
            let most = (500_u64 << n.min(20)).div_ceil(2).min(60_000);
            for _ in 0..20 {
                assert!(backoff(n) <= Duration::from_millis(most), "{n}");
            }
        }
        let drawn: std::collections::HashSet<_> = (0..20).map(|_| backoff(10)).collect();
        assert!(drawn.len() > 10);
    }

    proptest! {
        #[test]
        fn no_header_is_too_odd(text in "[ -~]{0,40}", remaining in "[ -~]{0,12}", reset in "[ -~]{0,24}") {
            let found = headers(&[
                ("retry-after", &text),
                ("date", &text),
                ("x-ratelimit-remaining", &remaining),
                ("x-ratelimit-reset", &reset),
            ]);
            let _ = retry_after(&found, then());
            let _ = exhausted(&found, then());
        }
    }
}
