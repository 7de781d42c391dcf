//! Settings of messages.

use std::path::{Path, PathBuf};

use chassis::config::{self, Faults};
use chassis::secret::Token;
use chrono::TimeDelta;
use clap::ValueEnum;
use lettre::message::Mailbox;

use super::read_secret;
use crate::adapters::smtp::SmtpServer;
use crate::domain::reaction::NotificationPolicy;
use crate::executors::rate_limit::MessageLimits;
use crate::messages::Messages;
use crate::workers::checkpoint_mail::CheckpointMail;

/// Destination of text messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SmsKind {
    /// No text messages
    Off,
    /// The log of this process, with text and link: for trials only
    Console,
    /// A service with the HTTP API of Twilio
    Twilio,
}

const DEFAULT_SENDER: &str = "Meja <reservasi@meja.example>";

#[derive(Debug, clap::Args)]
pub(super) struct MessageArgs {
    /// Destination of mail: "file" for .eml files below the data directory, or smtp://host:port, smtp://user:password@host?tls=required, smtps://host
    #[arg(long, env = "NOTIFIER_MAIL", default_value = "file", hide_env_values = true, global = true)]
    mail: String,
    /// File that contains the destination of mail, for a URL with a password
    #[arg(long, env = "NOTIFIER_MAIL_FILE", conflicts_with = "mail", global = true)]
    mail_file: Option<PathBuf>,
    /// PEM file with an additional trusted certificate, for a mail server with its own certificate authority
    #[arg(long, env = "NOTIFIER_MAIL_CA_FILE", global = true)]
    mail_ca_file: Option<PathBuf>,
    /// Sender of mail. Guests are asked to reply to it
    #[arg(long, env = "NOTIFIER_MAIL_FROM", default_value = DEFAULT_SENDER, global = true)]
    mail_from: String,
    /// Mail address outside of this installation to which a signed checkpoint of the log goes once a day, if the log has grown
    #[arg(long, env = "NOTIFIER_CHECKPOINT_MAIL", global = true)]
    checkpoint_mail: Option<String>,
    /// Directory with templates that replace the built-in ones with the same names
    #[arg(long, env = "NOTIFIER_TEMPLATES", global = true)]
    templates: Option<PathBuf>,
    /// Destination of text messages
    #[arg(long, env = "NOTIFIER_SMS", value_enum, default_value = "console", global = true)]
    sms: SmsKind,
    /// Base URL of the text message service
    #[arg(long, env = "NOTIFIER_SMS_URL", default_value = "https://api.twilio.com", global = true)]
    sms_url: String,
    /// Account at the text message service
    #[arg(long, env = "NOTIFIER_SMS_ACCOUNT", global = true)]
    sms_account: Option<String>,
    /// Token of the account at the text message service
    #[arg(long, env = "NOTIFIER_SMS_TOKEN", hide_env_values = true, global = true)]
    sms_token: Option<String>,
    /// File that contains the token of the account
    #[arg(long, env = "NOTIFIER_SMS_TOKEN_FILE", global = true)]
    sms_token_file: Option<PathBuf>,
    /// Sender of text messages, E.164
    #[arg(long, env = "NOTIFIER_SMS_FROM", global = true)]
    sms_from: Option<String>,
    /// Hours before the start at which guests get a reminder, separated by commas; empty: no reminders
    #[arg(long, env = "NOTIFIER_REMINDER_HOURS", default_value = "24,2", global = true)]
    reminder_hours: String,
    /// Maximum number of mails, and of text messages, per minute; further ones wait; 0: unlimited
    #[arg(long, env = "NOTIFIER_MESSAGES_PER_MINUTE_MAX", default_value = "600", global = true)]
    messages_per_minute_max: u32,
    /// Maximum number of messages to one recipient per hour; further ones wait; 0: unlimited
    #[arg(long, env = "NOTIFIER_RECIPIENT_MESSAGES_PER_HOUR_MAX", default_value = "30", global = true)]
    recipient_messages_per_hour_max: u32,
}

/// Messages to guests.
#[derive(Debug)]
pub struct Messaging {
    /// Destination of mail.
    pub mail: Mail,
    /// Destination of text messages.
    pub sms: Sms,
    /// The texts.
    pub messages: Messages,
    /// Which messages guests get, and when.
    pub policy: NotificationPolicy,
    /// The rate limits.
    pub limits: MessageLimits,
    /// Where checkpoints of the log are mailed to.
    pub checkpoints: Option<CheckpointMail>,
}

/// Destination of mail.
#[derive(Debug, Clone)]
pub enum Mail {
    /// Files in this directory.
    Files(PathBuf),
    /// An SMTP server.
    Smtp(SmtpServer),
}

/// Destination of text messages.
#[derive(Debug, Clone)]
pub enum Sms {
    /// No text messages.
    Off,
    /// The log of this process.
    Console,
    /// A service with the HTTP API of Twilio.
    Twilio {
        /// The base URL.
        base_url: String,
        /// The account.
        account: String,
        /// The token of the account.
        token: Token,
        /// The sender, E.164.
        from: String,
    },
}

impl MessageArgs {
    pub(super) fn check(self, data_dir: &Path, faults: &mut Faults) -> Option<Messaging> {
        let from = self.mail_from.parse::<Mailbox>();
        let from = from.map_err(|_| format!("{:?} is not a sender such as {DEFAULT_SENDER}", self.mail_from));
        let from = faults.take("NOTIFIER_MAIL_FROM", from);
        let ca = self.mail_ca_file.as_deref().map(read_secret).transpose();
        let ca = faults.take("NOTIFIER_MAIL_CA_FILE", ca);
        let mail = self.mail_file.as_deref().map_or(Ok(self.mail.clone()), read_secret);
        let mail = ca.and_then(|ca| {
            let target = mail.and_then(|text| mail_target(text.trim(), ca.as_deref(), data_dir));
            faults.take("NOTIFIER_MAIL", target)
        });
        let checkpoints = self.checkpoint_mail.as_deref().map(|to| {
            let to =
                to.parse().map_err(|_| format!("{to:?} is not an address such as auditor@example.com"))?;
            Ok::<_, String>(CheckpointMail { to, state: data_dir.join("checkpoint-mailed") })
        });
        let checkpoints = faults.take("NOTIFIER_CHECKPOINT_MAIL", checkpoints.transpose());
        let remind_before = faults.take("NOTIFIER_REMINDER_HOURS", hours(&self.reminder_hours));
        let sms = self.sms(faults);
        // The templates are also checked if the sender is not valid, so that all faults are reported.
        let sender = from.clone().or_else(|| DEFAULT_SENDER.parse().ok())?;
        let messages = Messages::new(sender, self.templates.as_deref());
        let messages =
            messages.map_err(|all| all.into_iter().for_each(|fault| faults.add("NOTIFIER_TEMPLATES", fault)));
        from?;
        Some(Messaging {
            policy: NotificationPolicy {
                remind_before: remind_before?,
                sms: self.sms != SmsKind::Off,
                keeps_copies: matches!(mail, Some(Mail::Files(_))),
            },
            mail: mail?,
            sms: sms?,
            messages: messages.ok()?,
            limits: MessageLimits {
                per_minute_max: self.messages_per_minute_max,
                recipient_per_hour_max: self.recipient_messages_per_hour_max,
            },
            checkpoints: checkpoints?,
        })
    }

    fn sms(&self, faults: &mut Faults) -> Option<Sms> {
        match self.sms {
            SmsKind::Off => return Some(Sms::Off),
            SmsKind::Console => return Some(Sms::Console),
            SmsKind::Twilio => {}
        }
        let base_url = faults.take("NOTIFIER_SMS_URL", config::base_url(&self.sms_url));
        let needed = "is required for NOTIFIER_SMS=twilio";
        let account = faults.take("NOTIFIER_SMS_ACCOUNT", self.sms_account.clone().ok_or(needed));
        let from = faults.take("NOTIFIER_SMS_FROM", self.sms_from.clone().ok_or(needed));
        let token = match (&self.sms_token, &self.sms_token_file) {
            (Some(token), None) => Ok(token.clone()),
            (None, Some(path)) => read_secret(path),
            _ => Err("is required for NOTIFIER_SMS=twilio, directly or as a file".to_owned()),
        };
        let token = faults.take("NOTIFIER_SMS_TOKEN", token)?;
        let token = faults.take("NOTIFIER_SMS_TOKEN", Token::try_from(token.trim().to_owned()));
        Some(Sms::Twilio { base_url: base_url?, account: account?, token: token?, from: from? })
    }
}

fn mail_target(text: &str, ca: Option<&str>, data_dir: &Path) -> Result<Mail, String> {
    if text == "file" {
        return Ok(Mail::Files(data_dir.join("outbox")));
    }
    let server = SmtpServer::parse(text, ca.map(str::as_bytes));
    let words = |error| format!("is neither \"file\" nor a URL such as smtp://127.0.0.1:2525: {error}");
    server.map(Mail::Smtp).map_err(words)
}

/// Parses hours separated by commas, each from 1 to 8760.
fn hours(text: &str) -> Result<Vec<TimeDelta>, String> {
    let hour = |part: &str| match part.trim().parse::<i64>() {
        Ok(hours @ 1..=8_760) => Ok(TimeDelta::hours(hours)),
        _ => Err(format!("{:?} is not a number of hours from 1 to 8760", part.trim())),
    };
    let mut all: Vec<_> =
        text.split(',').filter(|part| !part.trim().is_empty()).map(hour).collect::<Result<_, _>>()?;
    all.sort_unstable();
    all.dedup();
    match all.len() {
        0..=10 => Ok(all),
        more => Err(format!("{more} reminders are too many: at most 10")),
    }
}
