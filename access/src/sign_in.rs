//! Checks what people type to prove who they are: passwords, codes and PINs.
//!
//! An attacker who guesses is slowed down by delays that grow with failures ([`crate::throttle`]). The honest person is
//! not: a browser in which the person has signed in before, and the link of a reset by mail, have attempts of their own.
//! The slow hashes run in lanes, so that a flood of guesses fills only its own.

use std::sync::Arc;

use chassis::environment::SharedEnvironment;
use chrono::{DateTime, Utc};
use events::staff::{SignInMethod, UsedCode};
use events::{DeviceId, Position, StaffId};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use crate::caller::StandDevice;
use crate::code::OneTimeCode;
use crate::link::{Link, LinkOf};
use crate::password::{self, WeakSecret};
use crate::registry::{Account, KeptHash, Registry};
use crate::role::grants_at_stand;
use crate::throttle::{DailyBudget, Throttle};

/// Maximum number of attempts that run or wait in a lane. Further ones are refused.
pub const WAITING_ATTEMPTS_MAX: usize = 32;

/// Maximum number of wrong PINs of a person in a day, on all devices together. It is more than one device admits, so that
/// a stolen device does not lock the person out elsewhere.
pub const PINS_PER_DAY_MAX: u32 = 300;

/// The lane of attempts by strangers.
const STRANGERS_LANE: usize = 0;
/// The lane of recognised browsers and of links, and of new passwords.
const KNOWN_LANE: usize = 1;
/// The lane of PINs.
const PIN_LANE: usize = 2;

/// Why an identity is not proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The address, the password, the code or the PIN is wrong. The response does not tell which.
    #[error("the address, the password, the code or the PIN is wrong")]
    Wrong,
    /// The password is right, and a code is needed too.
    #[error("a code of the authenticator app is needed too")]
    CodeRequired,
    /// There were too many failures.
    #[error("there were too many attempts; the next one is possible in {seconds} s")]
    Delayed {
        /// When the next attempt is admitted, rounded up.
        seconds: u32,
    },
    /// Too many attempts wait already.
    #[error("too many attempts are waiting")]
    Busy,
}

/// A proved identity. The command that records it refuses if the password, the PIN or the code has changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// The person.
    pub staff_id: StaffId,
    /// How.
    pub method: SignInMethod,
    /// What it uses up.
    pub used: UsedCode,
    /// Where the hash that was compared is recorded.
    pub rests_on: Position,
    counter: Counter,
}

impl Proof {
    /// Whether the proof still holds for the current state of the account.
    #[must_use]
    pub fn holds_for(&self, account: &Account) -> bool {
        let hash = if self.method == SignInMethod::Pin { &account.pin } else { &account.password };
        // A PIN needs no code.
        let is_unused = self.method == SignInMethod::Pin || account.accepts(self.used);
        hash.as_ref().is_some_and(|hash| hash.at == self.rests_on) && is_unused
    }
}

/// The key under which attempts are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Counter {
    /// Attempts by strangers at the addresses with this keyed hash. Addresses with and without an account share the 65,536
    /// counters, so that their number is bounded and no response tells whether an account exists.
    Stranger(u16),
    /// Attempts at an account by those who have signed in to it before.
    Known(StaffId),
    /// Attempts at a code by those who have the link of a reset.
    Reset(StaffId),
    /// Attempts at a PIN on a device.
    Pin(DeviceId, StaffId),
}

/// Checks what people type.
pub struct SignIns {
    registry: Arc<Registry>,
    env: SharedEnvironment,
    attempts: Throttle<Counter>,
    /// The wrong PINs of a person on all devices.
    pins_of_day: DailyBudget<StaffId>,
    /// The lanes of strangers, of recognised browsers and links, and of PINs.
    lanes: [HashingLane; 3],
    /// Distributes addresses over the counters in a way that cannot be predicted.
    seed: [u8; 32],
    /// A hash of a random password, compared for unknown addresses so that they take as long.
    no_password: KeptHash,
}

impl SignIns {
    /// Checks for the accounts in `registry`.
    #[must_use]
    pub fn new(registry: Arc<Registry>, env: SharedEnvironment) -> Self {
        let argon2 = password::hash(&hex::encode(env.random_bytes()), env.as_ref()).into();
        let no_password = KeptHash { argon2, at: Position::START };
        let (seed, lanes) = (env.random_bytes(), std::array::from_fn(|_| HashingLane::new()));
        Self {
            registry,
            attempts: Throttle::default(),
            pins_of_day: DailyBudget::default(),
            lanes,
            seed,
            no_password,
            env,
        }
    }

    /// Checks the password of the person who signs in with `email`, in its canonical form, and a code if the person uses
    /// an authenticator app. `browser` is the cookie of a browser in which the person may have signed in before.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn password(
        &self,
        email: &str,
        password: &str,
        code: Option<&str>,
        browser: Option<&str>,
    ) -> Result<Proof, SignInError> {
        let account = self.registry.account_of_email(email);
        let counter = match &account {
            Some(account) if self.knows(account, browser) => Counter::Known(account.id),
            _ => Counter::Stranger(self.counter_of(email)),
        };
        self.prove(account.as_ref(), counter, password, code).await
    }

    /// Checks the password and the code of a signed-in member of staff.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn password_of(
        &self,
        id: StaffId,
        password: &str,
        code: Option<&str>,
    ) -> Result<Proof, SignInError> {
        let account = self.registry.account(id);
        self.prove(account.as_ref(), Counter::Known(id), password, code).await
    }

    /// Checks the PIN of a person on a device.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn pin(&self, device: &StandDevice, id: StaffId, pin: &str) -> Result<Proof, SignInError> {
        // The device lists the people who can sign in there, so that it is no secret who they are.
        let is_here = |account: &Account| !grants_at_stand(&account.roles, &device.venue_id).is_empty();
        let account = self.registry.account(id).filter(is_here).ok_or(SignInError::Wrong)?;
        let kept = account.pin.ok_or(SignInError::Wrong)?;
        let counter = Counter::Pin(device.id, id);
        self.begin(counter)?;
        let now = self.env.now();
        let spent = self.pins_of_day.spend(id, PINS_PER_DAY_MAX, now);
        spent.map_err(|next_at| SignInError::Delayed { seconds: seconds_until(next_at, now) })?;
        if !self.verify(PIN_LANE, counter, pin, &kept).await? {
            return Err(SignInError::Wrong);
        }
        self.pins_of_day.refund(&id);
        let (method, used) = (SignInMethod::Pin, UsedCode::default());
        Ok(Proof { staff_id: id, method, used, rests_on: kept.at, counter })
    }

    /// Checks the code of a person who resets the password by a link, if the person uses an authenticator app.
    ///
    /// # Errors
    /// [`SignInError`].
    pub fn code_of(&self, account: &Account, code: Option<&str>) -> Result<UsedCode, SignInError> {
        if account.totp.is_none() {
            return Ok(UsedCode::default());
        }
        let code = code.ok_or(SignInError::CodeRequired)?;
        self.begin(Counter::Reset(account.id))?;
        let (_, used) = self.check_code(account, Some(code))?;
        self.attempts.succeeded(&Counter::Reset(account.id));
        Ok(used)
    }

    /// The hash of a new password of a person about whom `known` is known.
    ///
    /// # Errors
    /// [`SignInError::Busy`], or inside [`WeakSecret`] for a password that can be guessed.
    pub async fn new_password(
        &self,
        secret: &str,
        known: [String; 2],
    ) -> Result<Result<String, WeakSecret>, SignInError> {
        let (secret, env) = (secret.to_owned(), self.env.clone());
        let checked = move || {
            let [name, email] = &known;
            password::check_password(&secret, &[name, email])?;
            Ok(password::hash(&secret, env.as_ref()))
        };
        self.lanes[KNOWN_LANE].run(checked).await
    }

    /// The hash of a new PIN.
    ///
    /// # Errors
    /// [`SignInError::Busy`].
    pub async fn hash(&self, secret: &str) -> Result<String, SignInError> {
        let (secret, env) = (secret.to_owned(), self.env.clone());
        self.lanes[KNOWN_LANE].run(move || password::hash(&secret, env.as_ref())).await
    }

    /// Takes back the attempt of a proof that approved one request. Earlier failures stay, so that an approval never adds
    /// guesses.
    pub fn approved(&self, proof: &Proof) {
        self.attempts.withdraw(&proof.counter);
    }

    /// Clears the failed attempts before a recorded proof.
    pub fn succeeded(&self, proof: &Proof) {
        self.attempts.succeeded(&proof.counter);
    }

    /// The cookie by which a browser is recognised; `None` if there is no key for links.
    #[must_use]
    pub fn browser_of(&self, account: &Account) -> Option<String> {
        self.registry.sign(browser_link(account))
    }

    fn knows(&self, account: &Account, browser: Option<&str>) -> bool {
        browser.and_then(|text| self.registry.linked(text)) == Some(browser_link(account))
    }

    async fn prove(
        &self,
        account: Option<&Account>,
        counter: Counter,
        password: &str,
        code: Option<&str>,
    ) -> Result<Proof, SignInError> {
        self.begin(counter)?;
        let kept = account.and_then(|account| account.password.clone());
        let lane = if matches!(counter, Counter::Known(_)) { KNOWN_LANE } else { STRANGERS_LANE };
        let is_right =
            self.verify(lane, counter, password, kept.as_ref().unwrap_or(&self.no_password)).await?;
        let (Some(account), Some(kept), true) = (account, kept, is_right) else {
            return Err(SignInError::Wrong);
        };
        if account.totp.is_some() && code.is_none() {
            return Err(SignInError::CodeRequired);
        }
        let (method, used) = self.check_code(account, code)?;
        Ok(Proof { staff_id: account.id, method, used, rests_on: kept.at, counter })
    }

    /// Compares in a lane. An attempt that finds no place there does not count.
    async fn verify(
        &self,
        lane: usize,
        counter: Counter,
        secret: &str,
        kept: &KeptHash,
    ) -> Result<bool, SignInError> {
        let (secret, kept) = (secret.to_owned(), kept.argon2.clone());
        let verified = self.lanes[lane].run(move || password::verify(&secret, &kept)).await;
        if verified == Err(SignInError::Busy) {
            self.attempts.withdraw(&counter);
        }
        verified
    }

    fn begin(&self, counter: Counter) -> Result<(), SignInError> {
        let now = self.env.now();
        let attempt = self.attempts.attempt(counter, now);
        attempt.map_err(|next_at| SignInError::Delayed { seconds: seconds_until(next_at, now) })
    }

    /// Checks a code of the authenticator app, or a recovery code in its place.
    fn check_code(
        &self,
        account: &Account,
        code: Option<&str>,
    ) -> Result<(SignInMethod, UsedCode), SignInError> {
        let Some(totp) = &account.totp else { return Ok((SignInMethod::Password, UsedCode::default())) };
        let code = code.ok_or(SignInError::CodeRequired)?;
        if let Some(step) = totp.secret.step_of(code, self.env.now(), Some(totp.last_step)) {
            return Ok((SignInMethod::Totp, UsedCode { totp_step: Some(step), recovery_code: None }));
        }
        let hash = OneTimeCode::parse(code).ok_or(SignInError::Wrong)?.hash();
        let is = |kept: &Option<[u8; 32]>| kept.is_some_and(|kept| bool::from(kept.ct_eq(&hash)));
        let number = totp.recovery_codes.iter().position(is).and_then(|n| u8::try_from(n).ok());
        let number = number.ok_or(SignInError::Wrong)?;
        Ok((SignInMethod::RecoveryCode, UsedCode { totp_step: None, recovery_code: Some(number) }))
    }

    fn counter_of(&self, email: &str) -> u16 {
        let digest = Sha256::new().chain_update(self.seed).chain_update(email).finalize();
        u16::from_be_bytes([digest[0], digest[1]])
    }
}

/// The time until `at`, rounded up.
fn seconds_until(at: DateTime<Utc>, now: DateTime<Utc>) -> u32 {
    let seconds = (at - now).num_milliseconds().saturating_add(999) / 1_000;
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

fn browser_link(account: &Account) -> Link {
    Link { of: LinkOf::Browser(account.id), generation: account.passwords }
}

/// Runs one slow hash at a time, and lets a bounded number wait.
struct HashingLane {
    running: Arc<Semaphore>,
    waiting: Semaphore,
}

impl HashingLane {
    fn new() -> Self {
        Self { running: Arc::new(Semaphore::new(1)), waiting: Semaphore::new(WAITING_ATTEMPTS_MAX) }
    }

    async fn run<T: Send + 'static>(
        &self,
        hash: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SignInError> {
        let _waiting = self.waiting.try_acquire().map_err(|_| SignInError::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| SignInError::Busy)?;
        // The lane is free again when the hash is done, even if the caller has gone away.
        let run = move || {
            let _running = running;
            hash()
        };
        tokio::task::spawn_blocking(run).await.map_err(|_| SignInError::Busy)
    }
}
