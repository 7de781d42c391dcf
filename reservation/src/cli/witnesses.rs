//! Settings for witnesses, and for a directory with copies of checkpoints.

use std::path::PathBuf;

use chassis::config::{Faults, base_url};

use crate::workers::witnesses::{Witness, WitnessSettings};

/// Maximum number of witnesses.
const WITNESSES_MAX: usize = 8;

#[derive(Debug, Clone, clap::Args)]
pub(super) struct WitnessArgs {
    /// Witnesses that cosign the checkpoints of the log, separated by commas: each its URL, a space, and its public key. They speak
    /// the protocol C2SP tlog-witness
    #[arg(long, env = "RESERVATION_WITNESSES", value_delimiter = ',', global = true)]
    witnesses: Vec<String>,
    /// Directory that gets a copy of the last checkpoint once an hour, if anything happened. Best on another machine, where it
    /// cannot be changed
    #[arg(long, env = "RESERVATION_CHECKPOINTS_DIR", global = true)]
    checkpoints_dir: Option<PathBuf>,
}

impl WitnessArgs {
    /// The checked settings. `is_signed`: whether there are checkpoints.
    pub(super) fn check(self, is_signed: bool, faults: &mut Faults) -> Option<WitnessSettings> {
        faults.take("RESERVATION_WITNESSES", self.checked(is_signed))
    }

    fn checked(self, is_signed: bool) -> Result<WitnessSettings, String> {
        let all: Vec<_> =
            self.witnesses.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect();
        if all.len() > WITNESSES_MAX {
            return Err(format!("{} witnesses are named, but at most {WITNESSES_MAX} are asked", all.len()));
        }
        let witnesses: Vec<Witness> = all.into_iter().map(witness).collect::<Result<_, _>>()?;
        let names = |at: &Witness| witnesses.iter().filter(|other| other.key.name() == at.key.name()).count();
        if let Some(doubled) = witnesses.iter().find(|one| names(one) > 1) {
            return Err(format!("the witness {} is named twice", doubled.key.name()));
        }
        if !is_signed && (!witnesses.is_empty() || self.checkpoints_dir.is_some()) {
            return Err("there are no checkpoints with RESERVATION_SIGNING=off: remove one of the settings"
                .to_owned());
        }
        if let Some(dir) = self.checkpoints_dir.as_ref().filter(|dir| !dir.is_dir()) {
            return Err(format!(
                "RESERVATION_CHECKPOINTS_DIR: {} is not a directory: create it, or mount it",
                dir.display()
            ));
        }
        Ok(WitnessSettings { witnesses, checkpoints_dir: self.checkpoints_dir })
    }
}

fn witness(text: &str) -> Result<Witness, String> {
    let parts = text.split_once(char::is_whitespace);
    let (url, key) = parts.ok_or_else(|| {
        format!("{text:?} is not a URL, a space and a public key such as witness.example+1234abcd+BA…")
    })?;
    let key = key.trim();
    let key = key.parse().map_err(|error| format!("{key:?} is not the public key of a witness: {error}"))?;
    let url = base_url(url)?;
    // Some witnesses publish the whole address.
    Ok(Witness { url: url.strip_suffix("/add-checkpoint").unwrap_or(&url).to_owned(), key })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "witness.example+40e5303d+BHm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk";

    fn checked(witnesses: &[&str]) -> Result<WitnessSettings, String> {
        let witnesses = witnesses.iter().map(|text| (*text).to_owned()).collect();
        WitnessArgs { witnesses, checkpoints_dir: None }.checked(true)
    }

    #[test]
    fn a_witness_is_a_url_and_a_key() {
        let one = format!("https://witness.example/meja/ {KEY}");
        let settings = checked(&[&one, ""]).unwrap();
        assert_eq!(settings.witnesses[0].url, "https://witness.example/meja");
        assert_eq!(settings.witnesses[0].key.to_string(), KEY);
        assert!(checked(&[&one, &one]).unwrap_err().contains("named twice"));
        let unsigned = WitnessArgs { witnesses: vec![one], checkpoints_dir: None }.checked(false);
        assert!(unsigned.unwrap_err().contains("RESERVATION_SIGNING=off"));
        let unmounted = WitnessArgs { witnesses: vec![], checkpoints_dir: Some("/no/such/place".into()) };
        assert!(unmounted.checked(true).unwrap_err().contains("create it, or mount it"));
        assert!(checked(&["https://witness.example"]).unwrap_err().contains("is not a URL, a space"));
        assert!(
            checked(&["https://witness.example nonsense"]).unwrap_err().contains("is not the public key")
        );
        assert!(checked(&[&format!("witness.example {KEY}")]).unwrap_err().contains("is not a URL such as"));
    }
}
