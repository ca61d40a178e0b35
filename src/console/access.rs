//! Who may do what: the tokens, the sessions that stand for them, and how often somebody may be wrong.
//!
//! Pure: time is an argument, and so is what makes a session's name unlike any other. Laws: a token is kept as its digest
//! and compared in constant time; a session is not the token and does not give it away; what is held is bounded whoever
//! asks.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    time::Duration,
};

use pages::console::Access;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use wire::Timestamp;

/// A token, as far as it is kept.
#[derive(Clone, Debug)]
pub struct Token([u8; 32]);

/// What opens the console: each may be missing.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    reader: Option<Token>,
    operator: Option<Token>,
}

/// Why a token is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// It could be found by trying.
    #[error("it has {0} characters, and fewer than {SHORTEST} can be guessed: `openssl rand -hex 24` makes a good one")]
    TooShort(usize),
    /// It cannot be sent in a header.
    #[error("it has other characters than letters, digits and signs of ASCII")]
    NotSendable,
    /// Whoever may read could change things too.
    #[error("the reader's and the operator's token are the same")]
    Same,
}

/// Those who signed in.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    all: HashMap<Name, Session>,
    /// The one that ends first comes first.
    ends: BTreeMap<(Timestamp, u64), Name>,
    count: u64,
}

/// The digest of what a browser holds: whoever reads the memory of this process is no operator.
type Name = [u8; 32];

#[derive(Clone, Copy, Debug)]
struct Session {
    access: Access,
    ends: (Timestamp, u64),
}

/// Wrong tokens, by where they came from.
#[derive(Debug, Default)]
pub(super) struct Attempts(HashMap<IpAddr, Bucket>);

/// How many more may be wrong, and since when that is so.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: u32,
    since: Timestamp,
}

/// A shorter token could be found by trying.
const SHORTEST: usize = 16;
/// So long a session lasts.
pub(super) const SESSION: Duration = Duration::from_hours(12);

const SESSIONS_MAX: usize = 10_000;
/// So many wrong tokens may come from one address at once, and one more after each of these times.
const WRONG_AT_ONCE: u32 = 10;
const WRONG_EACH: Duration = Duration::from_secs(2);
/// More addresses than that are not told apart: those that were wrong longest ago are forgotten.
const ADDRESSES_MAX: usize = 4_096;

// === impl Token ===

impl Token {
    /// Takes a token if it is hard to guess and can be sent.
    pub fn new(text: &str) -> Result<Self, InvalidToken> {
        let length = text.chars().count();
        if length < SHORTEST {
            return Err(InvalidToken::TooShort(length));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidToken::NotSendable);
        }
        Ok(Self(Sha256::digest(text).into()))
    }

    fn is(&self, digest: &[u8; 32]) -> bool {
        self.0.ct_eq(digest).into()
    }
}

// === impl Tokens ===

impl Tokens {
    /// Takes what was set.
    pub fn new(reader: Option<Token>, operator: Option<Token>) -> Result<Self, InvalidToken> {
        if let (Some(reader), Some(operator)) = (&reader, &operator)
            && reader.is(&operator.0)
        {
            return Err(InvalidToken::Same);
        }
        Ok(Self { reader, operator })
    }

    /// Returns whether nobody reads without one.
    #[must_use]
    pub fn reader_is_set(&self) -> bool {
        self.reader.is_some()
    }

    /// Returns whether somebody can change things.
    #[must_use]
    pub fn operator_is_set(&self) -> bool {
        self.operator.is_some()
    }

    /// Returns what whoever says nothing may do; `None` if that is nothing.
    #[must_use]
    pub fn unsaid(&self) -> Option<Access> {
        match (&self.reader, &self.operator) {
            (Some(_), _) => None,
            (None, Some(_)) => Some(Access::Reader),
            (None, None) => Some(Access::Open),
        }
    }

    /// Returns what whoever says `token` may do. It takes equally long whichever it is, if it is any.
    #[must_use]
    pub fn access(&self, token: &str) -> Option<Access> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let [reader, operator] =
            [&self.reader, &self.operator].map(|set| set.as_ref().is_some_and(|set| set.is(&digest)));
        if operator {
            return Some(Access::Operator);
        }
        reader.then_some(Access::Reader)
    }
}

// === impl Sessions ===

impl Sessions {
    /// Begins a session that `name` stands for from now on. If there are too many, the oldest ends.
    pub(super) fn begin(&mut self, name: &str, access: Access, now: Timestamp) {
        self.forget(now);
        if self.all.len() >= SESSIONS_MAX
            && let Some((_, oldest)) = self.ends.pop_first()
        {
            self.all.remove(&oldest);
        }
        self.count += 1;
        let (name, ends) = (digest(name), (now.after(SESSION), self.count));
        self.all.insert(name, Session { access, ends });
        self.ends.insert(ends, name);
    }

    /// Returns what whoever holds `name` may do.
    #[must_use]
    pub(super) fn access(&self, name: &str, now: Timestamp) -> Option<Access> {
        // Looked up by digest: how long that takes says nothing about names that there are.
        let session = self.all.get(&digest(name))?;
        (session.ends.0 > now).then_some(session.access)
    }

    /// Ends one.
    pub(super) fn end(&mut self, name: &str) {
        if let Some(session) = self.all.remove(&digest(name)) {
            self.ends.remove(&session.ends);
        }
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some(first) = self.ends.first_entry().filter(|first| first.key().0 <= now) {
            self.all.remove(&first.remove());
        }
    }
}

fn digest(name: &str) -> Name {
    Sha256::digest(name).into()
}

// === impl Attempts ===

impl Attempts {
    /// Returns whether a token from there is looked at now, be it right or wrong; else in how long.
    pub(super) fn may(&self, from: IpAddr, now: Timestamp) -> Result<(), Duration> {
        let left = self.0.get(&from).map_or(WRONG_AT_ONCE, |bucket| bucket.at(now).left);
        if left > 0 { Ok(()) } else { Err(WRONG_EACH) }
    }

    /// A token from there was wrong.
    pub(super) fn on_wrong(&mut self, from: IpAddr, now: Timestamp) {
        if self.0.len() >= ADDRESSES_MAX && !self.0.contains_key(&from) {
            self.0.retain(|_, bucket| bucket.at(now).left < WRONG_AT_ONCE);
            let oldest = self.0.iter().min_by_key(|(_, bucket)| bucket.since).map(|(address, _)| *address);
            if let Some(oldest) = oldest.filter(|_| self.0.len() >= ADDRESSES_MAX) {
                self.0.remove(&oldest);
            }
        }
        let bucket = self.0.entry(from).or_insert(Bucket { left: WRONG_AT_ONCE, since: now });
        *bucket = bucket.at(now);
        bucket.left = bucket.left.saturating_sub(1);
    }
}

// === impl Bucket ===

impl Bucket {
    fn at(self, now: Timestamp) -> Self {
        let more = now.since(self.since).as_micros() / WRONG_EACH.as_micros();
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        if more == 0 {
            return self;
        }
        let since = if more >= WRONG_AT_ONCE { now } else { self.since.after(WRONG_EACH * more) };
        Self { left: self.left.saturating_add(more).min(WRONG_AT_ONCE), since }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READER: &str = "reader-0123456789";
    const OPERATOR: &str = "operator-0123456789";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn tokens(reader: Option<&str>, operator: Option<&str>) -> Tokens {
        let token = |text: &str| Token::new(text).unwrap();
        Tokens::new(reader.map(token), operator.map(token)).unwrap()
    }

    #[test]
    fn a_token_that_could_be_guessed_is_none() {
        assert_eq!(Token::new("0123456789abcde").unwrap_err(), InvalidToken::TooShort(15));
        assert_eq!(Token::new("0123456789 abcdef").unwrap_err(), InvalidToken::NotSendable);
        assert_eq!(Token::new("0123456789äöüabc").unwrap_err(), InvalidToken::NotSendable);
        assert!(Token::new("0123456789abcdef").is_ok());
        let same = || Some(Token::new(READER).unwrap());
        assert_eq!(Tokens::new(same(), same()).unwrap_err(), InvalidToken::Same);
    }

    #[test]
    fn who_says_nothing_reads_only_where_readers_need_no_token() {
        for (reader, operator, unsaid) in [
            (None, None, Some(Access::Open)),
            (None, Some(OPERATOR), Some(Access::Reader)),
            (Some(READER), None, None),
            (Some(READER), Some(OPERATOR), None),
        ] {
            assert_eq!(tokens(reader, operator).unsaid(), unsaid);
        }
    }

    #[test]
    fn each_token_gives_its_own_access_and_any_other_none() {
        let both = tokens(Some(READER), Some(OPERATOR));
        assert_eq!(both.access(READER), Some(Access::Reader));
        assert_eq!(both.access(OPERATOR), Some(Access::Operator));
        for wrong in ["", "reader", "reader-0123456788", "reader-01234567890"] {
            assert_eq!(both.access(wrong), None, "{wrong}");
        }
        assert_eq!(tokens(Some(READER), None).access(OPERATOR), None);
    }

    #[test]
    fn a_session_ends_when_its_time_is_over_or_somebody_ends_it() {
        let mut sessions = Sessions::default();
        sessions.begin("one", Access::Reader, at(0));
        sessions.begin("two", Access::Operator, at(60));
        assert_eq!(sessions.access("one", at(1)), Some(Access::Reader));
        assert_eq!(sessions.access("two", at(61)), Some(Access::Operator));
        assert_eq!(sessions.access("three", at(61)), None);
        let over = i64::try_from(SESSION.as_secs()).unwrap();
        assert_eq!(sessions.access("one", at(over)), None);
        sessions.end("two");
        assert_eq!(sessions.access("two", at(61)), None);
        sessions.begin("four", Access::Reader, at(over));
        assert_eq!((sessions.all.len(), sessions.ends.len()), (1, 1), "what is over is forgotten");
    }

    #[test]
    fn however_many_sign_in_a_bounded_number_is_held_and_the_oldest_goes() {
        let mut sessions = Sessions::default();
        for number in 0..=SESSIONS_MAX {
            sessions.begin(&number.to_string(), Access::Reader, at(0));
        }
        assert_eq!((sessions.all.len(), sessions.ends.len()), (SESSIONS_MAX, SESSIONS_MAX));
        assert_eq!(sessions.access("0", at(1)), None);
        assert_eq!(sessions.access("1", at(1)), Some(Access::Reader));
    }

    #[test]
    fn whoever_is_wrong_too_often_waits_and_nobody_else_does() {
        let (mut attempts, [one, other]) = (Attempts::default(), [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from));
        for _ in 0..WRONG_AT_ONCE {
            assert_eq!(attempts.may(one, at(0)), Ok(()));
            attempts.on_wrong(one, at(0));
        }
        assert_eq!(attempts.may(one, at(1)), Err(WRONG_EACH));
        assert_eq!(attempts.may(other, at(1)), Ok(()));
        assert_eq!(attempts.may(one, at(2)), Ok(()));
        attempts.on_wrong(one, at(2));
        assert_eq!(attempts.may(one, at(3)), Err(WRONG_EACH), "one more, and no more");
        assert_eq!(attempts.may(one, at(1_000)), Ok(()));
    }

    #[test]
    fn however_many_addresses_are_wrong_a_bounded_number_is_held() {
        let mut attempts = Attempts::default();
        for number in 0..10_000_u32 {
            attempts.on_wrong(IpAddr::from(number.to_be_bytes()), at(0));
        }
        assert!(attempts.0.len() <= ADDRESSES_MAX);
    }
}
