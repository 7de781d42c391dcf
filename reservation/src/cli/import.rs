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
use crate::app::executor::{CommandError, EarlierOutcome};
use crate::app::import::{FILE_BYTES_MAX, FileBooking, FileOfBookings, Mapping, read};
use crate::app::request_context::RequestContext;
use crate::domain::venue::Venue;
use crate::workers;

/// Maximum number of faults and of bookings without a table that are listed.
const LISTED_MAX: usize = 100;
/// Number of days whose bookings are recorded at the same time, so that they share the writes to the disk.
const CONCURRENT_DAYS: usize = 64;
/// Maximum size of a map.
const MAP_BYTES_MAX: u64 = 1 << 20;

/// Why a booking without a reference is refused.
const UNCLEAR: &str =
    "another booking with the same start and size was imported before: add a column reference";

/// The result for one booking.
enum Done {
    /// It was recorded; with its code if staff have to find a table.
    Recorded(Option<ReservationCode>),
    /// An earlier run recorded it.
    Before,
    /// An earlier run recorded it with other values.
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
        let looked = all(&file, &venue, "checking", async |booking| look(&app, booking).await).await?;
        let unclear = |(booking, done): (&FileBooking, &Done)| {
            let is_unclear = !booking.has_reference && matches!(done, Done::Differs);
            is_unclear.then(|| format!("line {}: {UNCLEAR}", booking.line))
        };
        let unclear: Vec<_> = file.bookings.iter().zip(&looked).filter_map(unclear).collect();
        if !unclear.is_empty() {
            return Err(refused(&arguments.file, unclear));
        }
        if arguments.dry_run {
            return Ok(report(&file, &looked, &looked, true));
        }
        let done = all(&file, &venue, "importing", async |booking| record(&app, booking).await).await?;
        anyhow::Ok(report(&file, &done, &looked, false))
    })?;
    Ok(exit::tell("reservation", &report))
}

/// Does something with all bookings: first with those whose tables the file names, then with the others; those of one
/// business day in the order of the file.
async fn all(
    file: &FileOfBookings,
    venue: &Venue,
    what: &'static str,
    act: impl AsyncFn(&FileBooking) -> anyhow::Result<Done>,
) -> anyhow::Result<Vec<Done>> {
    let progress = Progress::of(what, "bookings", file.bookings.len() as u64);
    let mut done = Vec::with_capacity(file.bookings.len());
    for is_named in [true, false] {
        let mut days = BTreeMap::<_, Vec<(usize, &FileBooking)>>::new();
        let bookings = file.bookings.iter().enumerate();
        for (place, booking) in bookings.filter(|(_, booking)| booking.tables.is_empty() != is_named) {
            days.entry(venue.date_of(booking.created.window.start)).or_default().push((place, booking));
        }
        let of_day = async |bookings: Vec<(usize, &FileBooking)>| {
            let mut done = Vec::with_capacity(bookings.len());
            for (place, booking) in bookings {
                let line = booking.line;
                let context = || format!("line {line} could not be recorded: run the import again to go on");
                done.push((place, act(booking).await.with_context(context)?));
                progress.tick();
            }
            anyhow::Ok(done)
        };
        let days = stream::iter(days.into_values()).map(of_day).buffer_unordered(CONCURRENT_DAYS);
        done.extend(days.try_concat().await?);
    }
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
    match known.is_empty() {
        true => anyhow!("the log has no venue yet: start the service once, so that it records its venues"),
        false => anyhow!("there is no venue {venue}; choose one of: {}", known.join(", ")),
    }
}

/// What [`record`] would do, as far as that is known without the tables.
async fn look(app: &App, booking: &FileBooking) -> anyhow::Result<Done> {
    let context = RequestContext::system("import", app.env.as_ref());
    let mut key = booking.key.clone();
    let earlier = match app.executor.first_outcome(Some(&mut key), &context.caller).await {
        Ok(Some(earlier)) => earlier,
        Ok(None) => return Ok(Done::Recorded(None)),
        Err(CommandError::KeyReused) => return Ok(Done::Differs),
        Err(error) => return Err(error.into()),
    };
    let EarlierOutcome::Reservation(outcome) = earlier else { return Ok(Done::Differs) };
    let found = app.projections.look(outcome.reservation.id, Clone::clone);
    // A contact that was corrected or erased since does not tell.
    let found = found.filter(|found| found.contact_at == found.created.position && !found.contact_erased);
    let Some(found) = found else { return Ok(Done::Before) };
    let is_same = app.contact(&found).await?.is_none_or(|contact| contact == booking.contact);
    Ok(if is_same { Done::Before } else { Done::Differs })
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

/// The results, for people.
fn report(file: &FileOfBookings, done: &[Done], looked: &[Done], is_dry_run: bool) -> String {
    let (mut by_status, mut before) = (BTreeMap::<_, u64>::new(), 0);
    let (mut without_table, mut differing) = (Vec::new(), Vec::new());
    for ((booking, done), looked) in file.bookings.iter().zip(done).zip(looked) {
        // A second run recognises a booking also if its guest differs.
        let done = if matches!(looked, Done::Differs) { looked } else { done };
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
    list(&mut text, "Imported before with other values, and left as they are", &differing);
    list(
        &mut text,
        "Without a table, because the named one is taken or none is free: assign one (needs_table=true)",
        &without_table,
    );
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
