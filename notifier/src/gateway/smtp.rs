//! Mail over SMTP.

use std::time::Duration;

use futures::future::BoxFuture;
use lettre::transport::smtp::PoolConfig;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::{GatewayError, MailGateway};
use crate::effect::EffectKey;

/// From the connection to the last answer.
const SEND_WITHIN: Duration = Duration::from_secs(30);

/// Sends mail to an SMTP server.
#[derive(Debug, Clone)]
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl Smtp {
    /// The server at `url`: `smtp://host:port`, `smtp://user:password@host?tls=required` or
    /// `smtps://…`. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// In words, when the URL is none of these.
    pub fn new(url: &str) -> Result<Self, String> {
        let builder =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|error| error.to_string())?;
        // A connection on which a send was given up midway must not be used again.
        let transport = builder.timeout(Some(SEND_WITHIN)).pool_config(PoolConfig::new().max_size(0)).build();
        Ok(Self { transport })
    }
}

impl MailGateway for Smtp {
    fn send(&self, _: &EffectKey, mail: lettre::Message) -> BoxFuture<'_, Result<(), GatewayError>> {
        Box::pin(async move {
            // The transport's own timeout covers connecting only.
            match tokio::time::timeout(SEND_WITHIN, self.transport.send(mail)).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) if error.is_permanent() || error.is_client() => {
                    Err(GatewayError::Final(error.to_string()))
                }
                Ok(Err(error)) => Err(GatewayError::Passing(error.to_string())),
                Err(_) => Err(GatewayError::Passing(format!(
                    "the mail server took longer than {} s",
                    SEND_WITHIN.as_secs()
                ))),
            }
        })
    }
}
