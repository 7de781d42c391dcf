//! The rules of venues that are only in the log: `venues import`, `--venues-source log`, and changes over HTTP.

use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use crate::services::{Pair, program, root};

/// The sample venues without their holidays, for tests that book days from today on.
pub fn without_holidays(pair: &Pair) -> PathBuf {
    let dir = pair.dir.path().join("venues");
    std::fs::create_dir(&dir).unwrap();
    for name in ["bandung-dago.json", "roma-trastevere.json"] {
        let text = std::fs::read_to_string(root().join("data/venues").join(name)).unwrap();
        let mut venue: Value = serde_json::from_str(&text).unwrap();
        venue.as_object_mut().unwrap().remove("exceptions");
        std::fs::write(dir.join(name), venue.to_string()).unwrap();
    }
    dir
}

fn sample() -> Value {
    let file = std::fs::read(root().join("data/venues/bandung-dago.json")).unwrap();
    serde_json::from_slice(&file).unwrap()
}

/// Runs `reservation venues import` on the log of the stopped service. Returns its exit code and its output.
fn import(pair: &Pair, lines: &str) -> (Option<i32>, String) {
    let file = pair.dir.path().join("venues.ndjson");
    std::fs::write(&file, lines).unwrap();
    let mut command = program("reservation");
    command.args(["venues", "import"]).arg(file).args(["--disk-reserve-mib", "0"]);
    command.arg("--data-dir").arg(pair.dir.path().join("reservation"));
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), [stdout, stderr].map(|text| String::from_utf8(text).unwrap()).concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_in_the_log_need_no_files() {
    let mut pair = Pair::prepared(&[]);
    pair.venues = pair.dir.path().join("nowhere");
    pair.env.push(("RESERVATION_VENUES_SOURCE", "log".to_owned()));
    let venue = |id: &str| {
        let mut venue = sample();
        (venue["id"], venue["name"]) = (json!(id), json!(format!("Warung {id}")));
        venue
    };
    let mut faulty = venue("c");
    faulty["tables"][0]["seats"] = json!(0);
    let (code, said) = import(&pair, &format!("{}\n{}\nnonsense\n{}\n", venue("a"), faulty, venue("a")));
    assert_eq!(code, Some(2), "{said}");
    for fault in
        ["line 2: $.tables[0].seats", "line 3: this is not JSON", "line 4: the venue a is in the file twice"]
    {
        assert!(said.contains(fault), "{fault} in {said}");
    }
    let (code, said) = import(&pair, &format!("{}\n\n{}\n", venue("a"), venue("b")));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("reservation: recorded the rules of 2 venue(s); 0 did not change\n"), "{said}");
    let (_, said) = import(&pair, &format!("{}\n", venue("a")));
    assert!(said.contains("recorded the rules of 0 venue(s); 1 did not change\n"), "{said}");
    pair.start_reservation().await;
    let names = async |pair: &Pair| {
        let list = pair.get("/api/venues").await;
        let items = list["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&pair).await, ["Warung a", "Warung b"]);
    let mut changed = venue("b");
    changed["name"] = json!("Warung Bulan");
    let url = format!("{}/api/venues/b/rules", pair.reservation_url);
    let answer = pair.client.put(url).json(&changed).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    pair.reservation.take().unwrap().kill_9();
    pair.start_reservation().await;
    assert_eq!(names(&pair).await, ["Warung a", "Warung Bulan"]);
    assert_eq!(pair.get("/api/venues/b/rules").await, changed);
}
