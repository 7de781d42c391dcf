//! The examples in other languages, as their README says.

use std::process::{Command, Output};

use crate::contract::{node_dir, node_tool};
use crate::mail_server::python;
use crate::services::{Feed, OWNER, Pair, root};

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Some events are there before the client books.
async fn pair() -> Pair {
    let pair = Pair::running_over(Feed::Grpc, &[]).await;
    pair.book(6).await;
    pair.settled().await;
    pair
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_books_over_grpc_and_follows_the_log() {
    let pair = pair().await;
    let script = root().join("examples/clients/python/book_and_follow.py");
    let output = python().arg(script).args([pair.feed_at.as_deref().unwrap(), OWNER]).output().unwrap();
    assert!(said(&output).contains("events follow each other without a gap"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typescript_client_books_over_http_and_follows_the_feed() {
    let pair = pair().await;
    let dir = node_dir();
    let document = pair.get("/openapi.json").await;
    std::fs::write(dir.path().join("reservation.json"), document.to_string()).unwrap();
    for name in ["book-and-follow.ts", "package.json"] {
        let source = root().join("examples/clients/typescript").join(name);
        std::fs::copy(source, dir.path().join(name)).unwrap();
    }
    let mut types = node_tool("openapi-typescript");
    said(&types.args(["reservation.json", "-o", "reservation.ts"]).current_dir(dir.path()).output().unwrap());
    let mut compiler = node_tool("tsc");
    compiler.args(["--module", "nodenext", "--target", "es2022", "--strict", "book-and-follow.ts"]);
    said(&compiler.current_dir(dir.path()).output().unwrap());
    let output = Command::new("node")
        .arg("book-and-follow.js")
        .args([&pair.reservation_url, OWNER])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(said(&output).contains("events follow each other without a gap"));
}
