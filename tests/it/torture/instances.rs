//! Several instances on one log in a database, while instances are killed, connections end and the database crashes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use test_database::Database;

use super::clients::{Campaign, Consumers};
use super::victim::Victim;
use super::{cycles, report};
use crate::instances::init;
use crate::services::until;

const CLIENTS: usize = 16;

/// Number of faults on one log. Then everything is checked, and the next log begins empty.
const FAULTS_PER_LOG: usize = 40;

/// What is done to the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// An instance is killed and started again.
    Kill,
    /// A connection of an instance ends, at any instant of a statement.
    Disconnect,
    /// The database is killed and started again.
    Crash,
}

const FAULTS: [Fault; 3] = [Fault::Kill, Fault::Disconnect, Fault::Crash];

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_keep_one_log_while_instances_connections_and_the_database_fail() {
    let total = cycles(12, 600);
    let http = Victim::client();
    let (mut done, mut acknowledged, mut events) = (0, 0, 0);
    while done < total {
        let mut database = Database::start();
        init(&database.url());
        let root = tempfile::tempdir().unwrap();
        let store = ["--store".to_owned(), database.url()];
        let mut instances = start(root.path(), &[store.to_vec(), store.to_vec()], &http).await;
        let campaign = Campaign::new();
        let urls: Vec<_> = instances.iter().map(|instance| instance.url.clone()).collect();
        let consumers = Consumers::follow(&campaign, &urls, &http);
        let clients = tokio::spawn({
            let (campaign, urls, http) = (Arc::clone(&campaign), urls.clone(), http.clone());
            async move { campaign.run_through(&urls, &http, CLIENTS).await }
        });
        let faults = FAULTS_PER_LOG.min(total - done);
        for number in 0..faults {
            // At any instant, also while the last fault is being survived.
            tokio::time::sleep(Duration::from_millis(fastrand::u64(1..200))).await;
            inject(FAULTS[number % FAULTS.len()], &mut instances, &mut database, &http).await;
        }
        done += faults;
        let before = campaign.acknowledged();
        until("responses behind the last fault", async || campaign.acknowledged() > before + 20).await;
        campaign.stop();
        clients.await.unwrap();
        let (ops, of_this_log) = consumers.check(&campaign, &urls[0], &http).await;
        for instance in &mut instances {
            instance.kill_9();
        }
        instances[0].assert_whole();
        acknowledged += ops.iter().filter(|op| op.answered.is_some()).count();
        events += of_this_log;
    }
    report(&format!(
        "two instances on one database: {done} faults (kill -9 of an instance, ended connections, kill -9 of the database), \
         {acknowledged} responses, {events} events, no fault"
    ));
}

/// Starts an instance with each of these lists of arguments, with their directories in `root`.
pub async fn start(root: &Path, arguments: &[Vec<String>], http: &reqwest::Client) -> Vec<Victim> {
    let mut instances = Vec::new();
    for (number, arguments) in arguments.iter().enumerate() {
        let mut instance = Victim::new(root.join(format!("instance-{number}")));
        instance.args.clone_from(arguments);
        instance.start(http).await;
        instances.push(instance);
    }
    instances
}

async fn inject(fault: Fault, instances: &mut [Victim], database: &mut Database, http: &reqwest::Client) {
    match fault {
        Fault::Kill => {
            let chosen = fastrand::usize(..instances.len());
            instances[chosen].kill_9();
            instances[chosen].start(http).await;
        }
        Fault::Disconnect => {
            let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                         WHERE application_name = 'meja-reservation' AND random() < 0.5";
            let _ = database.query(ended);
        }
        Fault::Crash => {
            database.kill();
            database.restart();
        }
    }
}
