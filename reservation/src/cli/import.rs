//! `reservation import`: records the bookings in a file of another system in the log of a stopped service.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use chassis::{exit, telemetry};
use events::VenueId;
use events::values::ReservationCode;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use log_tools::terminal::Progress;
use tokio::runtime::Runtime;

use super::config::{Config, ImportArgs};
use super::offline::{offline, open_log};
use crate::app::App;
use crate::app::confidential::seal;
use crate::app::executor::CommandError;
use crate::app::import::{FILE_BYTES_MAX, FileBooking, FileOfBookings, Mapping, read};
use crate::app::request_context::RequestContext;
use crate::workers;

/// Maximum number of faults and of bookings without a table that are listed.
const LISTED_MAX: usize = 100;
/// Number of days whose bookings are recorded at the same time, so that they share the writes to the disk.
const CONCURRENT_DAYS: usize = 64;
/// Maximum size of a map.
const MAP_BYTES_MAX: u64 = 1 << 20;

/// What was done with a booking.
enum Done {
    /// It was recorded; with its code if staff have to find a table.
    Recorded(Option<ReservationCode>),
    /// An earlier run recorded it.
    Before,
    /// An earlier run recorded it with another time, size or status.
    Differs,
}

/// Records the bookings. All lines are checked before the first is recorded.
///
/// # Errors
/// All faults of the file or of the map, or why the log does not accept the bookings.
pub fn run(config: &Config, arguments: &ImportArgs) -> anyhow::Result<ExitCode> {
    let _telemetry = telemetry::init("reservation", config.log_format, config.log_filter.clone(), None)?;
    let bytes = contents(&arguments.file, FILE_BYTES_MAX)?;
    let mapping = match &arguments.map {
        Some(map) => Mapping::read(&contents(map, MAP_BYTES_MAX)?).map_err(|faults| refused(map, faults))?,
        None => Mapping::default(),
    };
    let (store, projections) = open_log(config)?;
    let report = Runtime::new()?.block_on(async {
        let (app, _trigger) = offline(store, projections, String::new());
        let _tasks = workers::follow(&app).await?;
        let venue = app.venues.get(Some(&arguments.venue)).ok_or_else(|| no_venue(&app, &arguments.venue))?;
        let file = read(&bytes, &mapping, &venue, app.env.as_ref())
            .map_err(|faults| refused(&arguments.file, faults))?;
        let progress = Progress::of(
            if arguments.dry_run { "checking" } else { "importing" },
            "bookings",
            file.bookings.len() as u64,
        );
        let done = done(&app, &file, arguments.dry_run, &progress).await?;
        drop(progress);
        anyhow::Ok(report(&file, &done, arguments.dry_run))
    })?;
    Ok(exit::tell("reservation", &report))
}

/// Records the bookings, or looks at them. Those of one day follow one another: first those whose tables the file names, and
/// otherwise in the order of the file.
async fn done(
    app: &App,
    file: &FileOfBookings,
    is_dry_run: bool,
    progress: &Progress,
) -> anyhow::Result<Vec<Done>> {
    let mut days = BTreeMap::<_, Vec<(usize, &FileBooking)>>::new();
    for (place, booking) in file.bookings.iter().enumerate() {
        days.entry(booking.created.window.start.date_naive()).or_default().push((place, booking));
    }
    let of_day = async |mut bookings: Vec<(usize, &FileBooking)>| {
        bookings.sort_by_key(|(place, booking)| (booking.tables.is_empty(), *place));
        let mut done = Vec::with_capacity(bookings.len());
        for (place, booking) in bookings {
            let one = if is_dry_run { look(app, booking).await } else { record(app, booking).await };
            let line = booking.line;
            let context = || format!("line {line} could not be recorded: run the import again to go on");
            done.push((place, one.with_context(context)?));
            progress.tick();
        }
        anyhow::Ok(done)
    };
    let days = stream::iter(days.into_values()).map(of_day).buffer_unordered(CONCURRENT_DAYS);
    let mut done = days.try_concat().await?;
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, done)| done).collect())
}

fn contents(path: &Path, bytes_max: u64) -> anyhow::Result<Vec<u8>> {
    let context = || format!("could not read {}", path.display());
    let file = File::open(path).with_context(context)?;
    let metadata = file.metadata().with_context(context)?;
    if !metadata.is_file() {
        bail!("{} is not a regular file", path.display());
    }
    if metadata.len() > bytes_max {
        bail!("{} has {} bytes, at most {bytes_max} are allowed: split it", path.display(), metadata.len());
    }
    let mut bytes = Vec::new();
    file.take(bytes_max).read_to_end(&mut bytes).with_context(context)?;
    Ok(bytes)
}

fn refused(file: &Path, mut faults: Vec<String>) -> anyhow::Error {
    let count = faults.len();
    faults.truncate(LISTED_MAX);
    let mut listed: String = faults.iter().map(|fault| format!("\n  - {fault}")).collect();
    if count > LISTED_MAX {
        let _ = write!(listed, "\n  … and {} more", count - LISTED_MAX);
    }
    anyhow!("{count} fault(s) in {}; nothing was recorded:{listed}", file.display())
}

fn no_venue(app: &App, venue: &VenueId) -> anyhow::Error {
    let known: Vec<_> = app.venues.ids().iter().map(ToString::to_string).collect();
    anyhow!("there is no venue {venue}; choose one of: {}", known.join(", "))
}

/// What [`record`] would do, as far as that is known without the tables.
async fn look(app: &App, booking: &FileBooking) -> anyhow::Result<Done> {
    let context = RequestContext::system("import", app.env.as_ref());
    let mut key = booking.key.clone();
    match app.executor.first_outcome(Some(&mut key), &context.caller).await {
        Ok(Some(_)) => Ok(Done::Before),
        Ok(None) => Ok(Done::Recorded(None)),
        Err(CommandError::KeyReused) => Ok(Done::Differs),
        Err(error) => Err(error.into()),
    }
}

async fn record(app: &App, booking: &FileBooking) -> anyhow::Result<Done> {
    let sealed = seal(&booking.contact, app.env.as_ref())?;
    let mut created = booking.created.clone();
    created.contact_digest = sealed.digest;
    let context = RequestContext {
        key: Some(booking.key.clone()),
        payload: Some(sealed.bytes),
        ..RequestContext::system("import", app.env.as_ref())
    };
    match app.executor.import(&created, &booking.tables, &context).await {
        Ok(outcome) if outcome.replayed => Ok(Done::Before),
        Ok(outcome) => {
            let reservation = outcome.reservation;
            Ok(Done::Recorded(reservation.needs_table().then(|| ReservationCode::of(reservation.id))))
        }
        Err(CommandError::KeyReused) => Ok(Done::Differs),
        Err(error) => Err(error.into()),
    }
}

/// What was done, for people.
fn report(file: &FileOfBookings, done: &[Done], is_dry_run: bool) -> String {
    let (mut by_status, mut before) = (BTreeMap::<_, u64>::new(), 0);
    let (mut without_table, mut differing) = (Vec::new(), Vec::new());
    for (booking, done) in file.bookings.iter().zip(done) {
        match done {
            Done::Recorded(needs_table) => {
                let status = booking.created.imported.as_ref().map_or("", |imported| imported.status.word());
                *by_status.entry(status).or_default() += 1;
                without_table.extend(needs_table.map(|code| format!("line {}: {code}", booking.line)));
            }
            Done::Before => before += 1,
            Done::Differs => differing.push(format!("line {}", booking.line)),
        }
    }
    let recorded: u64 = by_status.values().sum();
    let verb = if is_dry_run { "would record" } else { "recorded" };
    let statuses: Vec<_> = by_status.iter().map(|(status, count)| format!("{count} {status}")).collect();
    let statuses = if statuses.is_empty() { String::new() } else { format!(" ({})", statuses.join(", ")) };
    let mut text =
        format!("{verb} {recorded} booking(s){statuses}; {before} were imported before and did not change");
    if !file.columns_ignored.is_empty() {
        let _ = write!(text, "\nColumns that were not read: {}", file.columns_ignored.join(", "));
    }
    list(&mut text, "Imported before with another time, size or status, and left as they are", &differing);
    list(&mut text, "No table is free: assign one (needs_table=true)", &without_table);
    text
}

fn list(text: &mut String, title: &str, entries: &[String]) {
    if entries.is_empty() {
        return;
    }
    let _ = write!(text, "\n{title}: {}", entries.len());
    for entry in entries.iter().take(LISTED_MAX) {
        let _ = write!(text, "\n  - {entry}");
    }
    if entries.len() > LISTED_MAX {
        let _ = write!(text, "\n  … and {} more", entries.len() - LISTED_MAX);
    }
}
