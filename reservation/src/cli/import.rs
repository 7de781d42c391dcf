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
use super::faults::{listed, refused};
use super::offline::{offline, open_log};
use crate::app::App;
use crate::app::confidential::seal;
use crate::app::executor::{CommandError, EarlierOutcome};
use crate::app::import::{FILE_BYTES_MAX, FileBooking, FileOfBookings, Mapping, read};
use crate::app::request_context::RequestContext;
use crate::domain::Reservation;
use crate::domain::venue::Venue;
use crate::workers;

/// Number of days whose bookings are recorded at the same time, so that they share the writes to the disk.
const CONCURRENT_DAYS: usize = 64;
/// Maximum size of a map.
const MAP_BYTES_MAX: u64 = 1 << 20;

/// The fault of a booking that could be another one than the one that was imported before.
const UNCLEAR: &str =
    "another booking with the same start and size was imported before: add a column reference";
/// The fault of a booking that is still confirmed in the other system although its visit is over.
const OVERDUE: &str = "status: the visit is over: give it the status completed, cancelled or no_show, or set \"ended_as\" in the map";

/// The result for one booking.
#[derive(Clone, Copy)]
enum Done {
    /// It was recorded; with its code if staff have to find a table.
    Recorded(Option<ReservationCode>),
    /// An earlier run recorded it; with its code if staff have to find a table.
    Before(Option<ReservationCode>),
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
        Some(map) => Mapping::read(&contents(map, MAP_BYTES_MAX)?).map_err(|faults| refused(map, &faults))?,
        None => Mapping::default(),
    };
    let (store, projections, _) = open_log(config)?;
    let report = Runtime::new()?.block_on(async {
        let (app, _trigger) = offline(store, projections, String::new());
        let _tasks = workers::follow(&app).await?;
        let venue = app.venues.get(Some(&arguments.venue)).ok_or_else(|| no_venue(&app, &arguments.venue))?;
        let file = read(&bytes, &mapping, &venue, app.env.as_ref())
            .map_err(|faults| refused(&arguments.file, &faults))?;
        let looked = all(&file, &venue, "checking", async |_, booking| look(&app, booking).await).await?;
        let faults = faults(&file, &looked);
        if !faults.is_empty() {
            return Err(refused(&arguments.file, &faults));
        }
        if arguments.dry_run {
            return Ok(report(&file, &looked, true));
        }
        let record = async |place: usize, booking: &FileBooking| match looked[place] {
            Done::Recorded(_) => record(&app, booking).await,
            known => Ok(known),
        };
        anyhow::Ok(report(&file, &all(&file, &venue, "importing", record).await?, false))
    })?;
    Ok(exit::tell("reservation", &report))
}

/// The faults of all lines, in their order.
fn faults(file: &FileOfBookings, looked: &[Done]) -> Vec<String> {
    let of_known = |(booking, done): (&FileBooking, &Done)| match done {
        Done::Recorded(_) if booking.is_overdue => Some((booking.line, OVERDUE.to_owned())),
        Done::Differs if !booking.has_reference => Some((booking.line, UNCLEAR.to_owned())),
        Done::Recorded(_) | Done::Before(_) | Done::Differs => None,
    };
    let mut all = file.faults.clone();
    all.extend(file.bookings.iter().zip(looked).filter_map(of_known));
    all.sort_by_key(|(line, _)| *line);
    all.into_iter().map(|(line, fault)| format!("line {line}: {fault}")).collect()
}

/// Does something with all bookings and their places: first with those whose tables the file names, then with the others; those of one
/// business day in the order of the file.
async fn all(
    file: &FileOfBookings,
    venue: &Venue,
    what: &'static str,
    act: impl AsyncFn(usize, &FileBooking) -> anyhow::Result<Done>,
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
                done.push((place, act(place, booking).await.with_context(context)?));
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
    let found = app.projections.look(outcome.reservation.id, Clone::clone).unwrap_or(outcome.reservation);
    // A contact that was corrected or erased since does not tell.
    let is_original = found.contact_at == found.created.position && !found.contact_erased;
    let contact = if is_original { app.contact(&found).await? } else { None };
    let is_same = contact.is_none_or(|contact| contact == booking.contact);
    Ok(if is_same { Done::Before(without_table(&found)) } else { Done::Differs })
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
        Ok(outcome) => Ok(Done::Recorded(without_table(&outcome.reservation))),
        Err(error) => Err(error.into()),
    }
}

/// The code of a reservation for which staff have to find a table.
fn without_table(reservation: &Reservation) -> Option<ReservationCode> {
    reservation.needs_table().then(|| ReservationCode::of(reservation.id))
}

/// The results, for people.
fn report(file: &FileOfBookings, done: &[Done], is_dry_run: bool) -> String {
    let (mut by_status, mut before) = (BTreeMap::<_, u64>::new(), 0);
    let (mut needing_table, mut differing) = (Vec::new(), Vec::new());
    for (booking, done) in file.bookings.iter().zip(done) {
        match done {
            Done::Recorded(_) => {
                let status = booking.created.imported.as_ref().map_or("", |imported| imported.status.word());
                *by_status.entry(status).or_default() += 1;
            }
            Done::Before(_) => before += 1,
            Done::Differs => differing.push(format!("line {}", booking.line)),
        }
        if let Done::Recorded(Some(code)) | Done::Before(Some(code)) = done {
            needing_table.push(format!("line {}: {code}", booking.line));
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
    let differ = "Imported before with other values, and left as they are";
    let need =
        "Without a table, because the named one is taken or none is free: assign one (needs_table=true)";
    for (title, entries) in [(differ, &differing), (need, &needing_table)] {
        if !entries.is_empty() {
            let title = format!("{title}: {}", entries.len());
            let _ = write!(text, "\n{}", listed(&title, entries));
        }
    }
    text
}
