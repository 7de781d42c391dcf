//! What members of staff do with their accounts: joining, signing in, and changing what they sign in with.
//!
//! What a person types is checked first ([`access::SignIns`]), outside of the executor, because it takes some tens of
//! milliseconds. The command that follows carries the proof, and refuses if it is no longer true.

use access::code::OneTimeCode;
use access::link::{Link, LinkOf};
use access::password::{self, WeakSecret};
use access::registry::{Account, HashedPassword, OpenLink, StaffContact};
use access::sign_in::{Proof, SignInError};
use access::token::{OpaqueKind, OpaqueToken};
use access::totp::TotpSecret;
use access::{Caller, Denied, Person};
use events::values::Locale;
use events::{DeviceId, SessionId, StaffId};
use futures::FutureExt as _;

use super::App;
use super::access_refusal::AccessRefusal;
use super::commands::{AccountCommand, NewSession, SessionCommand};
use super::executor::CommandError;
use super::request_context::RequestContext;

/// Number of recovery codes.
const RECOVERY_CODES: usize = 10;

/// Why something about an account was not done.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// What was typed does not prove the identity.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The new password or PIN is not accepted.
    #[error(transparent)]
    Weak(#[from] WeakSecret),
    /// The code of an authenticator app does not match its secret.
    #[error("this code does not match the secret: enter the current code of the app")]
    Code,
    /// The command was refused.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl From<AccessRefusal> for AccountError {
    fn from(refusal: AccessRefusal) -> Self {
        Self::Command(refusal.into())
    }
}

impl From<Denied> for AccountError {
    fn from(denied: Denied) -> Self {
        Self::Command(denied.into())
    }
}

/// What a person types to sign in.
#[derive(Debug)]
pub enum Typed {
    /// An e-mail address and a password, with a code if the person uses an authenticator app.
    Password {
        /// The address, in its canonical form.
        email: String,
        /// The password.
        password: String,
        /// The code.
        code: Option<String>,
        /// The cookie of a browser in which the person has signed in before.
        browser: Option<String>,
    },
    /// A PIN, on a device at the stand.
    Pin {
        /// The person.
        id: StaffId,
        /// The PIN.
        pin: String,
    },
}

/// What a signed-in person types to prove the identity again.
#[derive(Debug)]
pub enum Again {
    /// The password, with a code if the person uses an authenticator app.
    Password(String, Option<String>),
    /// The PIN, on a device at the stand.
    Pin(String),
}

/// The input of a person who accepts an invitation.
#[derive(Debug)]
pub struct Joining {
    /// The new password.
    pub password: String,
    /// The name, if it is not the one in the invitation.
    pub name: Option<String>,
    /// The e-mail address in its canonical form, if the invitation has none.
    pub email: Option<String>,
    /// The language of mails, if it is not the one in the invitation.
    pub locale: Option<Locale>,
}

/// A session that has just started.
#[derive(Debug)]
pub struct StartedSession {
    /// The session.
    pub id: SessionId,
    /// The person.
    pub staff_id: StaffId,
    /// The cookie.
    pub token: OpaqueToken,
    /// Whether it is on a device at the stand.
    pub at_stand: bool,
}

impl App {
    /// Signs a person in. On a device at the stand a PIN is enough.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn sign_in(
        &self,
        typed: &Typed,
        context: RequestContext,
    ) -> Result<StartedSession, AccountError> {
        let device = context.caller.device().cloned();
        let proof = match (typed, device.clone()) {
            (Typed::Password { email, password, code, browser }, _) => {
                self.sign_ins.password(email, password, code.as_deref(), browser.as_deref()).await?
            }
            (Typed::Pin { id, pin }, Some(device)) => self.sign_ins.pin(&device, *id, pin).await?,
            (Typed::Pin { .. }, None) => return Err(SignInError::Wrong.into()),
        };
        let (new, device) = (self.new_session(), device.map(|device| device.id));
        let command = SessionCommand::Start { proof, new: new.clone(), device };
        self.executor.change_access(&command, &context.of(Caller::proved(proof.staff_id))).await?;
        self.sign_ins.succeeded(&proof);
        Ok(started(new, proof.staff_id, device))
    }

    /// Records that a signed-in person proved the identity again.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn prove(&self, again: &Again, context: &RequestContext) -> Result<(), AccountError> {
        let person = person(&context.caller)?;
        // A session that is not on the device is not proved with a PIN.
        let device = context.caller.device().filter(|device| person.device_id == Some(device.id));
        let proof = match (again, device) {
            (Again::Password(password, code), _) => self.proof(person, password, code.as_deref()).await?,
            (Again::Pin(pin), Some(device)) => self.sign_ins.pin(device, person.staff_id, pin).await?,
            (Again::Pin(_), None) => return Err(SignInError::Wrong.into()),
        };
        let command = SessionCommand::Prove { proof, id: person.session_id };
        self.executor.change_access(&command, context).await?;
        self.sign_ins.succeeded(&proof);
        Ok(())
    }

    /// Accepts an invitation: the person has an account, and is signed in.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn join(
        &self,
        joining: Joining,
        context: RequestContext,
    ) -> Result<StartedSession, AccountError> {
        let link = link(&context.caller)?;
        // Before the slow hash, so that an old link cannot occupy its lane.
        self.staff_link_info(link).ok_or(AccessRefusal::LinkOver)?;
        let id = link.of.staff_id().ok_or(AccessRefusal::LinkOver)?;
        let invited = self.projections.access().account(id).ok_or(AccessRefusal::LinkOver)?.contact;
        let contact = contact(&joining, invited).ok_or(AccessRefusal::LinkOver)?;
        let password = self.new_password(&joining.password, &contact).await?;
        let new = self.new_session();
        let number = link.generation;
        let command = AccountCommand::Join { id, number, contact, password, new: new.clone() };
        self.executor.change_access(&command, &context).await?;
        Ok(started(new, id, None))
    }

    /// Sends a link to reset the password, if `email` is the address of an account. It is recorded in the background, so
    /// that the time of the response does not tell whether it is one.
    pub fn request_reset_later(&self, email: String, context: RequestContext) {
        let app = self.clone();
        let record = async move {
            let Some(account) = app.projections.access().account_of_email(&email) else { return };
            let command = AccountCommand::RequestReset { id: account.id };
            if let Err(error) = app.executor.change_access(&command, &context).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    staff_id = %account.id,
                    "a request to reset a password was not recorded: the person has to ask again"
                );
            }
        };
        self.env.spawn(record.boxed());
    }

    /// Resets the password by the link in the mail, and signs the person in.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn reset_password(
        &self,
        password: &str,
        code: Option<&str>,
        context: RequestContext,
    ) -> Result<StartedSession, AccountError> {
        let link = link(&context.caller)?;
        let id = link.of.staff_id().ok_or(AccessRefusal::LinkOver)?;
        let account = self.projections.access().account(id).ok_or(AccessRefusal::LinkOver)?;
        let is_open = |reset: OpenLink| reset.number == link.generation && self.env.now() < reset.expires_at;
        if !account.reset.is_some_and(is_open) {
            return Err(AccessRefusal::LinkOver.into());
        }
        let used = self.sign_ins.code_of(&account, code)?;
        let contact = account.contact.ok_or(AccessRefusal::LinkOver)?;
        let password = self.new_password(password, &contact).await?;
        let new = self.new_session();
        let command = AccountCommand::Reset { id, number: link.generation, password, used, new: new.clone() };
        self.executor.change_access(&command, &context).await?;
        Ok(started(new, id, None))
    }

    /// Changes the password of a signed-in person.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn change_password(
        &self,
        current: &str,
        code: Option<&str>,
        new: &str,
        context: &RequestContext,
    ) -> Result<(), AccountError> {
        let person = person(&context.caller)?;
        let account = self.account_of(person)?;
        let proof = self.proof(person, current, code).await?;
        let contact = account.contact.ok_or(AccessRefusal::UnknownPerson(person.staff_id))?;
        let password = self.new_password(new, &contact).await?;
        let command = AccountCommand::ChangePassword { proof, session_id: person.session_id, password };
        self.executor.change_access(&command, context).await?;
        self.sign_ins.succeeded(&proof);
        Ok(())
    }

    /// Enrols an authenticator app for a signed-in person. Returns the recovery codes.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn enrol_totp(
        &self,
        secret: &str,
        code: &str,
        context: &RequestContext,
    ) -> Result<Vec<OneTimeCode>, AccountError> {
        let Person { staff_id: id, session_id, .. } = person(&context.caller)?;
        let secret = TotpSecret::parse(secret).ok_or(AccountError::Code)?;
        let step = secret.step_of(code, self.env.now(), None).ok_or(AccountError::Code)?;
        let codes: Vec<_> = (0..RECOVERY_CODES).map(|_| OneTimeCode::new(self.env.as_ref())).collect();
        let command = AccountCommand::EnrolTotp { id, session_id, secret, step, codes: codes.clone() };
        self.executor.change_access(&command, context).await?;
        Ok(codes)
    }

    /// Sets the PIN of a signed-in person.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn set_pin(&self, pin: &str, context: &RequestContext) -> Result<(), AccountError> {
        let person = person(&context.caller)?;
        password::check_pin(pin)?;
        let pin = HashedPassword { argon2: self.sign_ins.hash(pin).await? };
        let command = AccountCommand::SetPin { id: person.staff_id, pin };
        Ok(self.executor.change_access(&command, context).await?)
    }

    /// The account of a signed-in person.
    ///
    /// # Errors
    /// [`AccessRefusal::UnknownPerson`], if it has just ended.
    pub fn account_of(&self, person: Person) -> Result<Account, AccessRefusal> {
        let account = self.projections.access().account(person.staff_id);
        account.ok_or(AccessRefusal::UnknownPerson(person.staff_id))
    }

    async fn proof(&self, person: Person, password: &str, code: Option<&str>) -> Result<Proof, AccountError> {
        Ok(self.sign_ins.password_of(person.staff_id, password, code).await?)
    }

    async fn new_password(
        &self,
        password: &str,
        contact: &StaffContact,
    ) -> Result<HashedPassword, AccountError> {
        let known = [contact.name.clone(), contact.email.clone()];
        Ok(HashedPassword { argon2: self.sign_ins.new_password(password, known).await?? })
    }

    fn new_session(&self) -> NewSession {
        let env = self.env.as_ref();
        NewSession { id: SessionId(env.new_id()), token: OpaqueToken::new(OpaqueKind::Session, env) }
    }
}

/// The signed-in person.
///
/// # Errors
/// [`Denied::Ended`], if the request presents no session.
pub fn person(caller: &Caller) -> Result<Person, Denied> {
    caller.person().ok_or(Denied::Ended)
}

fn link(caller: &Caller) -> Result<Link, AccessRefusal> {
    let is_of_staff = |link: &Link| matches!(link.of, LinkOf::Invitation(_) | LinkOf::PasswordReset(_));
    caller.link().filter(is_of_staff).ok_or(AccessRefusal::LinkOver)
}

fn started(new: NewSession, staff_id: StaffId, device: Option<DeviceId>) -> StartedSession {
    StartedSession { id: new.id, staff_id, token: new.token, at_stand: device.is_some() }
}

/// The contact of a person who joins: what the person enters, or else what the invitation says.
fn contact(joining: &Joining, invited: Option<StaffContact>) -> Option<StaffContact> {
    let (name, email, locale) = match invited {
        // An invitation is for the address to which it was sent.
        Some(invited) => (Some(invited.name), Some(invited.email), Some(invited.locale)),
        None => (None, joining.email.clone(), None),
    };
    Some(StaffContact {
        name: joining.name.clone().or(name)?,
        email: email?,
        locale: joining.locale.or(locale).unwrap_or_default(),
    })
}
