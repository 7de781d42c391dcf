//! The baseline of `make bench`: the same server stack with a POST that reads a JSON body and responds
//! with one of the size of a reservation, and a GET of a fixed body, but without a log.
//!
//! `echo <address> [<bytes of the fixed body>]`

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use bytes::Bytes;
use chassis::body;
use chassis::network::Network;
use chassis::serve::{Interface, Protocol, Shutdown, harden, serve};
use tokio::net::TcpListener;

/// As long as the response to a booking.
const ANSWER_BYTES: usize = 695;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("echo <address> [<bytes of the fixed body>]")?;
    let fixed_bytes = arguments.next().map_or(Ok(0), |bytes| bytes.parse())?;
    let answer = Bytes::from(format!("\"{}\"", "x".repeat(ANSWER_BYTES - 2)));
    let fixed = Bytes::from(vec![b'x'; fixed_bytes]);
    let echo = move |headers: axum::http::HeaderMap, request: axum::extract::Request| async move {
        let body = body::read_body(request.into_body()).await?;
        body::parse_object(&headers, &body)?;
        Ok::<_, chassis::problem::Problem>(([(CONTENT_TYPE, "application/json")], answer))
    };
    let app = Router::new().route("/echo", post(echo)).route("/fixed", get(|| async move { fixed }));
    let (trigger, shutdown) = Shutdown::new();
    trigger.on_signals()?;
    let network = Network::local();
    let _metrics = chassis::metrics::install()?;
    let (listener, protocol) = (TcpListener::bind(address).await?, Protocol::Http1);
    serve([Interface { listener, protocol, router: harden(app) }], &network, shutdown).await;
    Ok(())
}
