//! Sends checkpoints of the log to a witness, which cosigns them if they never contradict what it was sent before.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use proof::{NOTE_BYTES_MAX, SignedCheckpoint, WitnessKey};
use reqwest::{Client, Response, StatusCode};

use crate::app::App;
use crate::app::log_tree::NoCheckpoint;

/// How often a witness is sent a checkpoint, if there is a new one.
const INTERVAL: Duration = Duration::from_secs(20);
/// Pause until there is a checkpoint.
const SOON: Duration = Duration::from_secs(1);
/// Pause after a witness did not answer.
const RETRY: Duration = Duration::from_secs(60);
/// Maximum duration of a request.
const REQUEST_MAX: Duration = Duration::from_secs(10);
/// How often a witness may name another size in one attempt: another instance may be sending checkpoints too.
const SIZES_MAX: usize = 3;

/// Where checkpoints of the log are sent.
#[derive(Debug, Clone)]
pub struct WitnessSettings {
    /// They cosign checkpoints.
    pub witnesses: Vec<Witness>,
    /// A directory that gets copies.
    pub checkpoints_dir: Option<PathBuf>,
}

/// A witness of the log.
#[derive(Debug, Clone)]
pub struct Witness {
    /// Where it takes checkpoints, without a trailing slash.
    pub url: String,
    /// Its public key.
    pub key: WitnessKey,
}

/// Why a witness has not cosigned.
#[derive(Debug, thiserror::Error)]
enum Unwitnessed {
    #[error("the witness could not be asked")]
    Request(#[from] reqwest::Error),
    #[error(
        "the witness does not know this log, or the URL is not that of a witness: compare it, and give the operator of the witness the key \
         at /.well-known/meja-log-keys"
    )]
    UnknownLog,
    #[error(
        "the witness does not accept the signature: give its operator the current key at /.well-known/meja-log-keys"
    )]
    UnknownKey,
    #[error(
        "the witness has cosigned {seen} events, but this log has {size}: it is a copy that was left behind, or it was replaced. Find \
         out which instance has signed them, and do not let both sign"
    )]
    Behind { seen: u64, size: u64 },
    #[error(
        "the witness says that this log contradicts what it has cosigned: it was rewritten, or it is a copy of another one"
    )]
    Contradicts,
    #[error("the witness answered with {0}: ask its operator")]
    Status(StatusCode),
    #[error("the response of the witness is not a size of a tree")]
    NoSize,
    #[error("the response of the witness is too long")]
    TooLong,
    #[error(
        "the response of the witness is no cosignature of its key: compare the key in RESERVATION_WITNESSES with the one that the witness \
         publishes"
    )]
    Cosignature,
    #[error("could not read the tree of the log")]
    Tree(#[from] NoCheckpoint),
    #[error("could not read the tree of the log")]
    Storage(#[from] io::Error),
}

/// Runs until the service stops.
pub async fn run(app: App, client: Client, witness: Witness) {
    // What it has cosigned is not known at the start: it says so.
    let mut seen = 0;
    let cosigned = metrics::gauge!("meja_log_cosigned_events", "witness" => witness.key.name().to_owned());
    loop {
        let pause = match app.log_tree.latest() {
            Ok(checkpoint)
                if checkpoint.unverified().size > 0 && checkpoint.cosigned_at(&witness.key).is_err() =>
            {
                match submit(&app, &client, &witness, &checkpoint, &mut seen).await {
                    Ok(()) => {
                        cosigned.set(seen as f64);
                        INTERVAL
                    }
                    Err(error) => {
                        tracing::error!(
                            witness = witness.key.name(),
                            error = &error as &dyn std::error::Error,
                            "a checkpoint was not cosigned"
                        );
                        RETRY
                    }
                }
            }
            Ok(_) => INTERVAL,
            Err(_) => SOON,
        };
        tokio::select! {
            () = app.env.sleep(pause) => {}
            () = app.shutdown.requested() => return,
        }
    }
}

/// Asks for a cosignature. `seen`: the size that the witness has cosigned last.
async fn submit(
    app: &App,
    client: &Client,
    witness: &Witness,
    checkpoint: &SignedCheckpoint,
    seen: &mut u64,
) -> Result<(), Unwitnessed> {
    let (url, size) = (format!("{}/add-checkpoint", witness.url), checkpoint.unverified().size);
    for _ in 0..SIZES_MAX {
        if *seen > size {
            return Err(Unwitnessed::Behind { seen: std::mem::take(seen), size });
        }
        let (old_size, of) = (*seen, checkpoint.clone());
        let body = app.log_tree.blocking(move |tree| tree.submission(old_size, of)).await??.to_string();
        let response = client.post(&url).timeout(REQUEST_MAX).body(body).send().await?;
        let status = response.status();
        let text = text_of(response).await?;
        match status {
            StatusCode::OK => {
                let kept = app.log_tree.keep_cosignature(checkpoint, &text, &witness.key);
                kept.map_err(|_| Unwitnessed::Cosignature)?;
                *seen = size;
                return Ok(());
            }
            StatusCode::CONFLICT => *seen = text.trim().parse().map_err(|_| Unwitnessed::NoSize)?,
            StatusCode::NOT_FOUND => return Err(Unwitnessed::UnknownLog),
            StatusCode::FORBIDDEN => return Err(Unwitnessed::UnknownKey),
            StatusCode::UNPROCESSABLE_ENTITY => return Err(Unwitnessed::Contradicts),
            status => return Err(Unwitnessed::Status(status)),
        }
    }
    Err(Unwitnessed::Status(StatusCode::CONFLICT))
}

/// The body of a response, which a witness keeps short.
async fn text_of(mut response: Response) -> Result<String, Unwitnessed> {
    let mut content = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if content.len() + chunk.len() > NOTE_BYTES_MAX {
            return Err(Unwitnessed::TooLong);
        }
        content.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&content).into_owned())
}
