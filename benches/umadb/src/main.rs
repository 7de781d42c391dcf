//! Durable conditional appends by many clients: `umadb-bench <url> <clients> <seconds> <bytes>`.
//!
//! Each append is one event of `<bytes>` bytes with three tags, on the condition that no event has its
//! first tag yet, like the append of a booking. Prints the acknowledged appends per second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use umadb_client::UmaDbClient;
use umadb_dcb::{DcbAppendCondition, DcbEvent, DcbEventStoreAsync, DcbQuery, DcbQueryItem};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, clients, seconds, bytes] = arguments.as_slice() else {
        return Err("umadb-bench <url> <clients> <seconds> <bytes>".into());
    };
    let (clients, seconds, bytes): (usize, u64, usize) = (clients.parse()?, seconds.parse()?, bytes.parse()?);
    let client = Arc::new(UmaDbClient::new(url.clone()).connect_async().await?);
    let acknowledged = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let deadline = began + Duration::from_secs(seconds);
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let (client, acknowledged) = (client.clone(), acknowledged.clone());
        tasks.push(tokio::spawn(async move {
            while Instant::now() < deadline {
                let id = format!("reservation:{}", Uuid::new_v4());
                let query = DcbQuery::new().item(DcbQueryItem::new().tags([id.clone()]));
                let event = DcbEvent::new()
                    .event_type("meja.reservation.created.v1")
                    .tags([id, "venue:bandung-dago".to_owned(), "customer:cust-42".to_owned()])
                    .data(vec![b'x'; bytes])
                    .uuid(Uuid::new_v4());
                client.append(vec![event], Some(DcbAppendCondition::new(query)), None).await?;
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, umadb_dcb::DcbError>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    println!("{:.0}", acknowledged.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64());
    Ok(())
}
